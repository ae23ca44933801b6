"""What each stage of the pipeline does: a configuration in, files out; no command line, no composition."""
