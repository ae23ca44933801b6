"""What computes: cells, ways to unroll them through time, windows, shards, and how XLA is set up."""
