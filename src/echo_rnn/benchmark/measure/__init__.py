"""What decides the raw samples of a benchmark: contestants, the session that times them, and their records.

What is made of the samples afterwards is `echo_rnn.benchmark.report`.
"""
