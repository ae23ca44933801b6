"""What a benchmark says, in pictures: results of shapes in, figures out; `None` where the data has nothing to show.

Only numbers that were given are drawn. A line of a strategy looks the same in all pictures and is told apart by
marker and dashes as well as by colour.
"""

from echo_rnn.plots.benchmark.catalogue import PICTURES, Picture

__all__ = ["PICTURES", "Picture"]
