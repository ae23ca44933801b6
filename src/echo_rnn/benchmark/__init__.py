"""Unrolling strategies against each other, and beside other libraries and C.

`measure` gives raw samples, all of which are kept; `report` derives everything else from them on demand.
"""
