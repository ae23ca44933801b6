"""Trained networks: their store, and the same network as a Keras model."""
