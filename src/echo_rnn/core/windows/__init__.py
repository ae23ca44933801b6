"""Running truncation windows in order: buffers from disk, a compiled loop over them, predictions along a series."""
