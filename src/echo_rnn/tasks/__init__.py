"""Tasks: an input series `x`, its target series `y`, and what can be reached.

`table` lists them; NumPy and SciPy are imported with their implementations, TensorFlow never.
"""
