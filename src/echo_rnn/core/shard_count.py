"""How many shards a batch is split into, decided without starting TensorFlow; see `echo_rnn.core.shards`."""


def shard_count(batch_size: int, most: int) -> int:
    """How many shards of a batch: at most `most`, equal ones where that costs no more than half of them."""
    most = min(most, batch_size)
    equal = max(shards for shards in range(1, most + 1) if batch_size % shards == 0)
    return equal if 2 * equal >= most else most
