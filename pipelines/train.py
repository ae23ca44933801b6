"""Stage `train`, and outside DVC whole jobs that Hydra composes.

python -m pipelines.train --stage                               what dvc.yaml runs
python -m pipelines.train unroll=static trainer.epochs=20       one job: generate, train, evaluate
python -m pipelines.train -m unroll=static,dynamic seed=0,1     a sweep of jobs
"""

import os
import shlex
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from echo_rnn.config import Config, read
from echo_rnn.core.fused_loops import fused_loop_bytes
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.core.strategies import Unrolling, get_strategy
from echo_rnn.errors import one_sentence
from echo_rnn.files import sha256
from echo_rnn.gc_paused import gc_paused
from echo_rnn.stages.alone import alone
from echo_rnn.stages.layout import STAGE, Layout
from echo_rnn.stages.memory import require_memory
from echo_rnn.stages.store import new_run, store_of
from echo_rnn.tasks import CLASSES, INPUTS
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tracking import Run, Store, UnknownRunError
from echo_rnn.tracking.termination import Terminated
from pipelines import PARENT
from pipelines.hydra_entry import run_composed

if TYPE_CHECKING:
    from echo_rnn.stages.choose import Choice

NO_TAGS: Mapping[str, str] = MappingProxyType({})


def run(config: Config, files: Layout, tags: Mapping[str, str] = NO_TAGS, parent: int | None = None) -> str:
    """Trains the network; leaves it with its report, and a run in the tracking store, whose id it returns.

    Where the same training was stopped before, it goes on, in the same run.

    Args:
        config: The configuration.
        files: Where everything is.
        tags: More tags of the run.
        parent: A process whose end ends the training, too.
    """
    # What a person may have to mend is looked at first: TensorFlow takes seconds to start.
    require_memory(config.model.stack, INPUTS, config.task.batch_size, config.trainer.window, config.trainer.shards)
    with alone(files.checkpoints, "training"):
        return _run(config, files, tags, parent)


def _run(config: Config, files: Layout, tags: Mapping[str, str], parent: int | None) -> str:
    with gc_paused():
        store = store_of(config.tracking)
    data = open_dataset(files.data)
    unroll, choice = _unroll(config)
    with gc_paused():
        import_seconds = start_tensorflow(
            config.runtime.threads, fused_loop_bytes=fused_loop_bytes(config.model.sizes, unroll)
        )
        from echo_rnn.core import model  # noqa: PLC0415
        from echo_rnn.core.model import features  # noqa: PLC0415
        from echo_rnn.inference import store as trained  # noqa: PLC0415
        from echo_rnn.stages import metrics  # noqa: PLC0415
        from echo_rnn.training import Checkpoints, Learner, NonFiniteError, build_optimizer, train  # noqa: PLC0415
        from echo_rnn.training.fingerprint import fingerprint  # noqa: PLC0415
        from echo_rnn.training.stopping import StoppedError, stop_requests  # noqa: PLC0415

    network = model.build(
        config.model.stack,
        unroll,
        INPUTS,
        CLASSES,
        dropout=config.model.dropout.model_dump(),
        compiled=config.trainer.compile,
    )
    # The children before these belong to the series.
    *_, weights_seed, dropout_seed = np.random.SeedSequence(config.seed).spawn(5)
    optimizer = build_optimizer(config.optimizer, config.schedule, config.clipping)
    weights = network.initial_weights(weights_seed)
    learner = Learner(network, weights, optimizer, seed=dropout_seed, shards=config.trainer.shards)
    seen = fingerprint(_settings(config, unroll), data.digest, config.runtime.threads)
    checkpoints = Checkpoints(
        files.checkpoints, seen, seconds=config.trainer.checkpoint.seconds, keep=config.trainer.checkpoint.keep
    )
    start = checkpoints.newest()
    with _opened(store, config, tags, checkpoints.run_id) as tracked:
        if tracked.id != checkpoints.run_id:
            _describe(tracked, config, files, data.digest, choice)
            checkpoints.run_id = tracked.id
        elif checkpoints.other_bits:
            tracked.set_tags({"resumed.other_bits": checkpoints.other_bits})
        # A run keeps each number once; those of the last epochs may not have reached it.
        for record in checkpoints.logs.records():
            tracked.log_metrics(metrics.epoch_metrics(record))
        try:
            with stop_requests(parent) as stop:
                start_seconds = time.time() - psutil.Process().create_time()
                history = train(
                    learner,
                    data,
                    config.trainer,
                    checkpoints=checkpoints,
                    start=start,
                    stop_requested=stop,
                    on_epoch=lambda record: tracked.log_metrics(metrics.epoch_metrics(record)),
                )
        except StoppedError as stopped:
            print(f"{stopped}; to resume: {_again(files)}", file=sys.stderr)
            raise Terminated(stop.signal) from None
        except NonFiniteError as error:
            tracked.set_tags({"non_finite": error.finding})
            raise
        tracked.log_metrics(metrics.phase_metrics(history, import_seconds, start_seconds))
        exported = trained.save(
            files.model, config.model, unroll, learner.weights, run_id=tracked.id, dataset_digest=data.digest
        )
        from echo_rnn.stages import reports  # noqa: PLC0415 # matplotlib takes a while

        picture = reports.report_training(history, data.validation.accuracy_ceiling, files.training)
        tracked.log_artifact(picture, "figures")
        example_BN = data.validation.x_EBN[0][:, : config.trainer.window]
        tracked.log_model(exported, features(example_BN).numpy())
    checkpoints.remove()
    if history.leftover_steps:
        row_steps = data.train.x_EBN.shape[-1]
        print(f"{history.leftover_steps} of {row_steps:,} time steps of a row fill no window and are not trained on")
    return tracked.id


def _unroll(config: Config) -> tuple[Unrolling, "Choice | None"]:
    """The configured strategy, and how it was chosen where the configuration leaves that to measuring."""
    if config.unroll.unrolling is not None:
        return config.unroll.unrolling, None
    # What measures takes a while to import.
    from echo_rnn.stages.choose import choose  # noqa: PLC0415

    choice = choose(config)
    return get_strategy(choice.label), choice


def _settings(config: Config, unroll: Unrolling) -> dict[str, Any]:
    """What of the configuration decides the numbers, with the strategy that was chosen and a cell of one's own."""
    sections = {"task", "model", "optimizer", "schedule", "clipping", "trainer", "seed"}
    settings = config.model_dump(mode="json", include=sections, exclude={"trainer": {"checkpoint"}})
    if path := config.model.stack.options.get("path"):
        module, _, _ = path.partition(":")
        settings["cell"] = sha256(Path(str(sys.modules[module].__file__)))
    return settings | {"unroll": unroll.label}


def _opened(store: Store, config: Config, tags: Mapping[str, str], run_id: str) -> AbstractContextManager[Run]:
    """The run in which a checkpoint was made, or a new one."""
    if not run_id:
        return new_run(store, config, tags)
    try:
        return store.resume(run_id)
    except UnknownRunError as error:
        print(f"note: {error}; the training resumes in a new run", file=sys.stderr)
        return new_run(store, config, {**tags, "began_in": run_id})


def _describe(tracked: Run, config: Config, files: Layout, dataset_digest: str, choice: "Choice | None") -> None:
    """Logs what a run begins with."""
    tracked.log_config(config.model_dump(mode="json", exclude={"sweep", "benchmark"}))
    tracked.log_artifact(files.config, "config")
    tracked.log_dataset(f"{config.task.name}-train", dataset_digest, files.shown(files.data), "training")
    if choice is not None:
        tracked.set_tags({"unroll.chosen": choice.label, "unroll.why": choice.why})
        tracked.log_metrics([("time/choosing", choice.seconds, 0)])


def _again(files: Layout) -> str:
    """The command that goes on with a training that was stopped."""
    if not files.root.is_absolute():
        return "dvc repro" if "DVC_STAGE" in os.environ else "python -m pipelines.train --stage"
    if Path(sys.argv[0]).stem != "train":
        return f"the same sweep with hydra.sweep.dir={os.path.relpath(files.root.parent)}"
    words = [word for word in sys.argv[1:] if not word.startswith("hydra.run.dir=")]
    return shlex.join(["python", "-m", "pipelines.train", *words, f"hydra.run.dir={os.path.relpath(files.root)}"])


if __name__ == "__main__":
    with one_sentence():
        if sys.argv[1:] == ["--stage"]:
            # DVC that was killed would leave this at work, beside what the next `dvc repro` starts.
            run(read(STAGE.config), STAGE, parent=PARENT if "DVC_STAGE" in os.environ else None)
        else:
            from pipelines.job import job

            run_composed(job)
