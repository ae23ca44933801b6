"""Stage `train`: truncated backpropagation through time, in a run of the tracking store.

TensorFlow is started before anything that imports it is imported, and what draws is imported after the training.
"""

import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from echo_rnn import environment
from echo_rnn.compiled_programs import compiled_programs
from echo_rnn.config import Config
from echo_rnn.config.network import ModelSection
from echo_rnn.config.schema import Trainer
from echo_rnn.core.compilation import Compile, fused_loop_bytes
from echo_rnn.core.losses import Loss
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.core.strategies import Unrolling
from echo_rnn.errors import PrunedError, Terminated, UserError
from echo_rnn.files import sha256, write_json, write_table
from echo_rnn.gc_paused import gc_paused
from echo_rnn.inference.description import MANIFEST, WEIGHTS, Description
from echo_rnn.inference.exports import EXPORTED, files_of, require_exportable
from echo_rnn.stages import finished
from echo_rnn.stages.inputs import require_dataset, table_of
from echo_rnn.stages.layout import Layout
from echo_rnn.stages.prepare import Chosen
from echo_rnn.stages.store import CONFIG, NETWORK, open_run, run_link
from echo_rnn.tasks.dataset import Dataset, open_dataset
from echo_rnn.tasks.ends import Ends
from echo_rnn.tracking import Data, MetricRow, Run, Store, UnknownRunError
from echo_rnn.units import seconds

if TYPE_CHECKING:
    from echo_rnn.core.model import Model
    from echo_rnn.training import Checkpoints, EpochRecord, History, Learner


OnEpoch = Callable[["EpochRecord"], None]
_UNUSED = ("sweep", "benchmark", "search")  # sections that decide nothing in a training
_FAR_ABOVE = 10  # times the loss of guessing


@dataclass(frozen=True)
class Outcome:
    """A training that ended.

    Attributes:
        run_id: Its run in the tracking store.
        each_step_seconds: Mean time of a training step, over all processes that worked on it.
        first_call_seconds: What this process took to trace and compile, or load what was compiled before, until its
            first step.
        steps_seconds: All training steps together.
        machine: Where it was trained, see `environment.machine`.
    """

    run_id: str
    each_step_seconds: float
    first_call_seconds: float
    steps_seconds: float
    machine: Mapping[str, str] = field(default_factory=dict)

    @property
    def speed(self) -> dict[str, float]:
        """The times by name."""
        return {name: value for name, value in asdict(self).items() if name not in ("run_id", "machine")}


def run(
    config: Config,
    files: Layout,
    store: Store,
    chosen: Chosen,
    *,
    parent: int | None = None,
    command: str = "the same call",
    on_epoch: OnEpoch = lambda record: None,
) -> Outcome:
    """Trains the network; writes it and its report.

    Where the same training was stopped before, it is resumed, in the same run.

    Args:
        config: The configuration.
        files: Where everything is.
        store: Where the run is tracked.
        chosen: The strategy, and tags of the run; see `prepare.choose_strategy`.
        parent: A process that ends the training with its own end.
        command: What resumes the training after a stop, for the message.
        on_epoch: Called with each epoch that ends in this process, when it is logged.

    Raises:
        PrunedError: `on_epoch` did; the run is tagged.
    """
    # The configuration is read in this function alone; what it calls takes values.
    model, trainer, threads, unroll = config.model, config.trainer, config.runtime.threads, chosen.unrolling
    # Where compiled programs are kept decides nothing.
    settings = config.model_dump(mode="json", exclude={**dict.fromkeys(_UNUSED, True), "runtime": {"compile_cache"}})
    with ExitStack() as stack:
        stack.enter_context(files.owned("training"))
        # What a person may have to change is checked first: TensorFlow takes seconds to start.
        data = open_dataset(files.data)
        require_dataset(config, data)
        ends, loss = data.ends.with_residual(model.residual), config.loss.loss
        description = _described(model, unroll, ends, config.export)
        fused = fused_loop_bytes(model.sizes, unroll)
        programs = stack.enter_context(compiled_programs(config.runtime.compile_cache, threads, fused))
        with gc_paused():
            import_seconds = start_tensorflow(threads, fused_loop_bytes=fused, compiled_programs=programs.folder)
            from echo_rnn.inference.store import save  # noqa: PLC0415
            from echo_rnn.training import Checkpoints, Training, build_optimizer  # noqa: PLC0415
            from echo_rnn.training.fingerprint import fingerprint  # noqa: PLC0415

        # First, since it imports a cell of one's own, which decides, too.
        network = _network(model, unroll, ends, trainer.compile)
        decisive = fingerprint(_decisive(settings, unroll.label), data.digest, threads)
        checkpoints = Checkpoints(files.checkpoints, decisive, **trainer.checkpoint.model_dump())
        facts = {"settings": settings, "tags": _asked(chosen.tags), **asdict(decisive)}
        if ended := _ended(store, files, facts, checkpoints):
            return ended
        _begin(settings, model.sizes, ends)

        optimizer = build_optimizer(config.optimizer, config.schedule, config.clipping)
        learner = _learner(network, optimizer, loss, config.seed, trainer.shards)
        start = checkpoints.newest()
        machine = _machine(decisive.bits, checkpoints.other_bits)
        with open_run(store, config, checkpoints.run_id, _tags(chosen, checkpoints.run_id)) as tracked:
            _describe(tracked, checkpoints, settings, files, table_of(data, "train"), chosen.seconds, machine)
            # The store keeps each number once; those of the last epochs may not have reached it.
            tracked.log_metrics(
                row for record in (start.epochs if start else ()) for row in _epoch(record, learner.score)
            )
            with _stoppable(tracked, parent, command) as stop_requested:
                start_seconds = time.time() - psutil.Process().create_time()
                before = programs.compiled
                training = Training(learner, data, trainer, checkpoints, start, profiles=files.profile)
                loaded = trainer.compile == "xla" and programs.all_loaded_since(before)
                tracked.set_tags({"first_call": "loaded" if loaded else "compiled"})
                programs.keep()

                def log_epoch(record: "EpochRecord") -> None:
                    tracked.log_metrics(_epoch(record, learner.score))
                    programs.keep()  # of a validation; a training that is killed later need not compile again
                    on_epoch(record)

                history = training.run(stop_requested, log_epoch)
            first_call = history.preparation.trace_seconds + history.preparation.compile_seconds
            done = Outcome(
                tracked.id, history.steady_seconds / history.steps, first_call, history.steady_seconds, machine
            )
            tracked.log_metrics(_times(history, done, import_seconds, start_seconds))
            exported = save(
                files.model,
                description,
                learner.weights,
                run_id=tracked.id,
                dataset_digest=data.digest,
                exports=config.export,
            )
            tracked.log_artifact(_report(history, done, (loss.unit, learner.score), data, files.training), "figures")
            tracked.log_model(exported, data.validation.x_EBNI[0][:, : trainer.window] * np.float32(data.units.x))
            finished.write(
                files.checkpoints,
                files.root,
                facts,
                asdict(done),
                [*files.trained, *_log_network(tracked, files.model, config.export)],
            )
        checkpoints.remove()
    _say(history, done, loaded, ends, run_link(store, done.run_id), trainer, files.profile)
    return done


def _asked(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that were asked for, without those of a chosen strategy, whose words may change."""
    return {name: value for name, value in tags.items() if not name.startswith("unroll.")}


def _tags(chosen: Chosen, began_in: str) -> dict[str, str]:
    """The tags of a new run; `began_in` is the one that the store does not know any more."""
    return {**chosen.tags, **({"began_in": began_in} if began_in else {})}


def _machine(bits: Mapping[str, str], changed: str) -> dict[str, str]:
    """Where a training was done; `changed` is what has changed since it began, in words."""
    found = environment.machine(bits)
    # Its times are those of several machines.
    return found | {"fingerprint": f"{found['fingerprint']} and others"} if changed else found


def _begin(settings: Mapping[str, Any], sizes: Sequence[int], ends: Ends) -> None:
    """Prints the shapes of a training, and whether its window is too short for what it must learn."""
    task, window = settings["task"], settings["trainer"]["window"]
    rows, units = task["batch_size"], ",".join(map(str, dict.fromkeys(sizes)))
    layers = f"{len(sizes)} layer" + "s" * (len(sizes) > 1)
    print(
        f"a step: x [T={window} time steps, B={rows} rows, I={ends.inputs}] → {layers} of S={units} units → "
        f"outputs [T·B={window * rows}, {ends.outputs}]; the state [B={rows}, S={units}] goes from window to window"
    )
    if (lag := task.get("echo_step", 0)) >= window:
        print(
            f"note: task.echo_step = {lag} reaches before the window, trainer.window = {window}: the state goes there, "
            f"but no gradient, so that it is learnt late or never; trainer.window={lag + 1} or more reaches it",
            file=sys.stderr,
        )


def _say(
    history: "History", done: Outcome, loaded: bool, ends: Ends, link: str, trainer: Trainer, profile: Path
) -> None:
    """Prints what a training took, where its run is, whether it went wrong, and what was asked to find a mistake."""
    print(
        f"trained: {history.steps:,} steps of {seconds(done.each_step_seconds)} take {seconds(done.steps_seconds)}; "
        f"tracing and {'loading' if loaded else 'compiling'} took {seconds(done.first_call_seconds)}"
    )
    if link:
        print(f"run: {link}")
    guessing, last = math.log(ends.outputs), history.epochs[-1].loss
    if ends.kind == "classes" and last > _FAR_ABOVE * guessing:
        print(
            f"note: the loss of the last epoch, {last:,.6g}, is far above that of guessing, {guessing:.3g}; lower "
            "optimizer.learning_rate or choose clipping=global_norm",
            file=sys.stderr,
        )
    if trainer.overfit:
        first = history.epochs[0].loss
        print(f"overfit: the loss of the windows it saw ({history.windows}) went from {first:.3g} to {last:.3g}")
    if trainer.profile and profile.is_dir():
        command = shlex.join(["uv", "tool", "run", "xprof", "--logdir", str(profile)])
        print(f"profile: {profile}; to look at it: {command}")


def _described(model: ModelSection, unrolling: Unrolling, ends: Ends, exports: Sequence[str]) -> Description:
    """The network that is trained; refused where it cannot be exported as it is asked for."""
    require_exportable(exports, model.stack, ends)
    return Description(model, unrolling, ends)


def _log_network(tracked: Run, model: Path, names: Sequence[str]) -> list[Path]:
    """Adds the network to the run as `stages.fetch` reads it, and in other formats, whose files it returns."""
    content = MANIFEST.read(model)
    # Its copy for Keras is logged as a model.
    content["files"] = {WEIGHTS: content["files"][WEIGHTS]}
    del content["digest"], content["format"]
    tracked.log_text(MANIFEST.text(content), f"{NETWORK}/{MANIFEST.name}")
    tracked.log_artifact(model / WEIGHTS, NETWORK)
    files = [model / EXPORTED / name for name in files_of(names)]
    for file in files:
        tracked.log_artifact(file, "exports")
    return files


def _ended(store: Store, files: Layout, facts: Mapping[str, Any], checkpoints: "Checkpoints") -> Outcome | None:
    """The training, where it has ended with its files; the run of a process that was killed after it ends, too."""
    outcome = finished.outcome_of(files.checkpoints, files.root, facts, files.trained)
    if outcome is None:
        return None
    note, done = files.checkpoints / finished.MANIFEST.name, Outcome(**outcome)
    print(f"the training is finished, and its network stands; to repeat it, remove {note}")
    if done.run_id:
        try:
            with store.resume(done.run_id):
                pass
        except UnknownRunError as error:
            print(f"note: {error}", file=sys.stderr)
    checkpoints.remove()
    return done


def _network(model: ModelSection, unroll: Unrolling, ends: Ends, compiled: Compile) -> "Model":
    """The network between two ends."""
    from echo_rnn.core.model import build  # noqa: PLC0415

    if model.residual and not ends.own_inputs:
        raise UserError(
            f"model.residual: expected false, since no input of {', '.join(ends.input_names)} is the target, got true; "
            "change it, or task.input_columns",
            "config.conflict",
        )
    options: dict[str, Any] = {"residual_inputs": ends.residual_inputs, "dropout": model.dropout.model_dump()}
    return build(model.stack, unroll, ends.inputs, ends.outputs, **options, compiled=compiled)


def _learner(network: "Model", optimizer: Any, loss: Loss, seed: int, shards: int) -> "Learner":
    """The network with fresh weights, ready to learn."""
    from echo_rnn.training import Learner  # noqa: PLC0415

    # The children before these belong to the series.
    *_, weights_seed, dropout_seed = np.random.SeedSequence(seed).spawn(5)
    weights = network.initial_weights(weights_seed)
    return Learner(network, weights, optimizer, loss=loss, seed=dropout_seed, shards=shards)


def _decisive(settings: Mapping[str, Any], unroll: str) -> dict[str, Any]:
    """The part of the settings that decides the numbers, the chosen strategy, and the code of a custom cell."""
    sections = ("task", "loss", "model", "optimizer", "schedule", "clipping", "trainer", "seed")
    decisive = {name: settings[name] for name in sections}
    neutral = ("checkpoint", "profile")
    decisive["trainer"] = {name: value for name, value in settings["trainer"].items() if name not in neutral}
    if path := settings["model"].get("path"):
        module, _, _ = path.partition(":")
        decisive["cell"] = sha256(Path(str(sys.modules[module].__file__)))
    return decisive | {"unroll": unroll}


def _describe(
    tracked: Run,
    checkpoints: "Checkpoints",
    settings: Mapping[str, Any],
    files: Layout,
    dataset: Data,
    choosing_seconds: float | None,
    machine: Mapping[str, str],
) -> None:
    """Logs what is known of a run before its next step."""
    tracked.set_tags({f"machine.{name}": value for name, value in machine.items()})
    if tracked.id != checkpoints.run_id:
        tracked.log_config(settings)
        tracked.log_artifact(files.config, CONFIG)
        tracked.log_dataset(dataset, files.shown(files.data), "training")
        if choosing_seconds is not None:
            tracked.log_metrics([("time/choosing", choosing_seconds, 0)])
        checkpoints.run_id = tracked.id
    elif checkpoints.other_bits:
        tracked.set_tags({"resumed.other_bits": checkpoints.other_bits})


@contextmanager
def _stoppable(tracked: Run, parent: int | None, command: str) -> Iterator[Callable[[], bool]]:
    """Prints the `command` that resumes a stopped training, and tags the run of a non-finite one."""
    from echo_rnn.training import NonFiniteError  # noqa: PLC0415
    from echo_rnn.training.stopping import StoppedError, stop_requests  # noqa: PLC0415

    with stop_requests(parent) as stop:
        try:
            yield stop
        except StoppedError as stopped:
            print(f"{stopped}; to resume: {command}", file=sys.stderr)
            raise Terminated(stop.signal) from None
        except PrunedError as pruned:
            tracked.set_tags({"pruned": str(pruned)})
            raise
        except NonFiniteError as error:
            tracked.set_tags({"non_finite": error.finding})
            raise


def _epoch(record: "EpochRecord", score: str) -> Iterator[MetricRow]:
    """One epoch for the tracking store; the step is the epoch, `score` the name of the score."""
    yield "train/loss", record.loss, record.epoch
    yield f"train/{score}", record.score, record.epoch
    yield "train/steps_per_second", record.steps_per_second, record.epoch
    if record.validation_loss is not None and record.validation_score is not None:
        yield "validation/loss", record.validation_loss, record.epoch
        yield f"validation/{score}", record.validation_score, record.epoch


def _speed(trained: Outcome) -> Iterator[MetricRow]:
    """What trainings are compared by; MLflow's bars show two digits after the point, hence microseconds."""
    yield "step_microseconds", 1e6 * trained.each_step_seconds, 0
    yield "first_call_seconds", trained.first_call_seconds, 0
    yield "steps_seconds", trained.steps_seconds, 0


def _times(history: "History", trained: Outcome, import_seconds: float, start_seconds: float) -> Iterator[MetricRow]:
    """What a training took, in parts, and what was left over; one value each at step 0, which MLflow draws as a bar.

    Args:
        history: The training.
        trained: Its speed.
        import_seconds: Starting TensorFlow.
        start_seconds: From the start of the process until only tracing and compiling were left to do before a step.
    """
    yield from ((f"speed/{name}", value, step) for name, value, step in _speed(trained))
    yield "time/start", start_seconds, 0
    yield "time/import", import_seconds, 0
    yield "time/trace", history.preparation.trace_seconds, 0
    yield "time/compile", history.preparation.compile_seconds, 0
    yield "time/validation", history.validation_seconds, 0
    yield "train/steps", history.steps, 0
    yield "train/leftover_steps", history.leftover_steps, 0


def _report(history: "History", done: Outcome, labels: tuple[str, str], data: Dataset, folder: Path) -> Path:
    """Writes tables of the epochs, the outcome and the curves; returns the path of the picture.

    Args:
        history: The training.
        done: Its speed.
        labels: The unit of the loss, and the name of the score.
        data: Its validation series may say the best score that any network can reach.
        folder: For the files.
    """
    from echo_rnn.plots import save, training_curves  # noqa: PLC0415 # matplotlib takes a while

    _, score = labels
    columns = ("epoch", "loss", score)
    validated = [
        (record.epoch, record.validation_loss, record.validation_score)
        for record in history.epochs
        if record.validation_loss is not None and record.validation_score is not None
    ]
    write_table(folder / "epochs.csv", columns, ((each.epoch, each.loss, each.score) for each in history.epochs))
    write_table(folder / "validation.csv", columns, validated)
    final = history.epochs[history.weights_epoch - 1]
    # Nothing timed, so that an equal training gives an equal file.
    outcome = {
        "train_loss": final.loss,
        f"train_{score}": final.score,
        "validation_loss": final.validation_loss,
        f"validation_{score}": final.validation_score,
        "weights_epoch": history.weights_epoch,
        "epochs": len(history.epochs),
        "steps": history.steps,
        "leftover_steps": history.leftover_steps,
        "stopped_early": history.stopped_early,
    }
    write_json(folder / "metrics.json", outcome)
    # With the processor: the file may come to another machine through DVC's remote and its run cache.
    speed = {name: value for name, value, _ in _speed(done)}
    write_json(folder / "speed.json", speed | {"processor": done.machine["cpu"]})
    looks = [(epoch * history.windows, loss, value) for epoch, loss, value in validated]
    losses, scores, counted = history.log.read().T
    if counted.min() == 0:  # windows in which nothing counts
        losses, scores = (values[counted > 0] for values in (losses, scores))
    picture = folder / "curves.png"
    save(training_curves(losses, scores, history.windows, looks, data.validation.accuracy_ceiling, labels), picture)
    return picture
