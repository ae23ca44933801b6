"""Trained networks: saving, loading, and export to a Keras model."""
