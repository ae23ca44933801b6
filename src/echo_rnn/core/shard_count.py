"""How many lanes the rows of a window run in, told without starting TensorFlow; see `echo_rnn.core.shards`."""

from echo_rnn.core.compilation import Compile

_PER_THREAD = 2


def lanes_of(mode: Compile, threads: int) -> int:
    """How many lanes a way to compile has at most.

    Args:
        mode: The way.
        threads: TensorFlow's threads.
    """
    return _PER_THREAD * threads if mode == "lanes" else 1


def shard_count(batch_size: int, most: int) -> int:
    """How many shards of a batch: at most `most`, equal ones where that costs no more than half of them."""
    most = min(most, batch_size)
    equal = max(shards for shards in range(1, most + 1) if batch_size % shards == 0)
    return equal if 2 * equal >= most else most
