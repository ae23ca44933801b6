"""Scores of a trained network on a series, beside the best accuracy that any network can reach."""
