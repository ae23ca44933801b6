"""Scores of a trained network, each beside the best that any network can reach."""
