"""Truncated backpropagation through time: windows in order, the state carried from each to the next."""
