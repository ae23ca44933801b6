"""Unrolling strategies against each other: what is timed, how, the raw samples, and what they say.

records → statistics → words and pictures: every raw sample is kept, everything else is derived from them on demand.
"""
