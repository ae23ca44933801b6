"""Other ways to run the same training steps, measured in the same rounds as ours.

A contestant is a program that knows one way: the article's loop, Keras, JAX, PyTorch, hand-written C, or a strategy of
ours. Each runs in a process of its own, in an environment of its own where it needs one, and waits for its turn.
"""
