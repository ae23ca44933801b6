"""Running windows in order: buffers read from disk, a compiled loop over them, predictions along a series."""
