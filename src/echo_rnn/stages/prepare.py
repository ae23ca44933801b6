"""What comes before a training: whether it fits into memory, and the strategy that unrolls its network."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from echo_rnn.config import Config
from echo_rnn.core.compilation import shard_count
from echo_rnn.core.strategies import Unrolling, get_strategy
from echo_rnn.errors import UserError

_COPIES = 3  # of the weights: themselves, the last good ones and those that are checked; gradients come on top
_BYTES = 4


@dataclass(frozen=True)
class Chosen:
    """The strategy of a training.

    Attributes:
        unrolling: The strategy with its options.
        tags: Of its run: which strategy and why, where it was chosen by measuring.
        seconds: What choosing by measuring took.
    """

    unrolling: Unrolling
    tags: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None


def require_memory(config: Config) -> None:
    """Refuses a training that is sure not to fit into memory: a system that runs out kills without a word.

    What every strategy needs are the weights, and outputs `[T, B, S]` with their gradient. What is not refused may
    still be too much.

    Raises:
        UserError: The least that it needs is more than is available.
    """
    stack, task, trainer = config.model.stack, config.task.task, config.trainer
    batch_size = config.task.rows
    sizes = stack.sizes
    weights = sum(
        stack.kind.gates * size * (below + size + 1)
        for below, size in zip((task.ends.inputs, *sizes), sizes, strict=False)
    )
    copies = _COPIES + shard_count(batch_size, trainer.shards)
    needed = _BYTES * (copies * weights + 2 * trainer.window * batch_size * sizes[-1])
    available = psutil.virtual_memory().available
    if needed > available:
        raise UserError(
            f"model.units: expected a network that trains in the {available / 2**30:.1f} GiB of memory that are "
            f"available, got one that needs at least {needed / 2**30:,.1f} GiB; lower model.units, model.layers, "
            "task.batch_size or trainer.window",
            "memory.too_little",
        )


def choose_strategy(config: Config) -> Chosen:
    """The configured strategy, or with `unroll=auto` the one that measurements at this shape speak for.

    Raises:
        UserError: Strategies cannot be measured at this shape.
    """
    if config.unroll.unrolling is not None:
        return Chosen(config.unroll.unrolling)
    # What measures takes a while to import.
    from echo_rnn.stages.choose import choose  # noqa: PLC0415

    choice = choose(config)
    age = f"measured before, from {choice.reused} on" if choice.reused else "measured now"
    print(f"unroll=auto: {choice.label}, chosen in {choice.seconds:.1f} s, {age}. {choice.why}")
    tags = {"unroll.chosen": choice.label, "unroll.why": choice.why}
    return Chosen(get_strategy(choice.label), tags, choice.seconds)
