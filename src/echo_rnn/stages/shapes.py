"""What the configuration describes, as shapes of the benchmark."""

import itertools

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.config import Config
from echo_rnn.core.cell_table import known_cells
from echo_rnn.errors import UserError


def shapes_of(config: Config) -> list[Shape]:
    """The shapes of the sweep's grids, each once, in their order."""
    every = [
        Shape(**dict(zip(type(grid).model_fields, values, strict=True)), threads=config.runtime.threads)
        for grid in config.sweep.grids
        for values in itertools.product(*grid.model_dump().values())
    ]
    return list(dict.fromkeys(every))


def shape_of(config: Config) -> Shape:
    """The configured training step as a shape of the benchmark.

    Raises:
        UserError: It is none that can be measured.
    """
    model, sizes = config.model, set(config.model.sizes)
    if model.cell not in known_cells() or len(sizes) > 1:
        cells = ", ".join(known_cells())
        raise UserError(
            f"model: expected layers of one size of one of {cells}, for which strategies can be compared, got "
            f"{model.cell} layers of sizes {list(model.sizes)}; choose a strategy with unroll",
            "benchmark.no_shape",
        )
    return Shape(
        cell=model.cell,
        layers=len(model.sizes),
        units=model.sizes[0],
        batch_size=config.task.rows,
        window=config.trainer.window,
        inputs=config.task.task.ends.inputs,
        precision=model.precision,
        compile=config.trainer.compile,
        threads=config.runtime.threads,
        shards=config.trainer.shards,
        loss="cross_entropy" if config.loss.loss.kind == "classes" else "mse",
    )
