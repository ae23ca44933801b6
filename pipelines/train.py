"""Stage `train`, and outside DVC whole jobs that Hydra composes.

python -m pipelines.train --stage                               what dvc.yaml runs
python -m pipelines.train unroll=static trainer.epochs=20       one job: generate, train, evaluate
python -m pipelines.train -m unroll=static,dynamic seed=0,1     a sweep of jobs
"""

import sys
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from echo_rnn.config import Config, read
from echo_rnn.errors import one_sentence
from echo_rnn.runtime import start_tensorflow
from echo_rnn.tasks import CLASSES, INPUTS
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tracking import MetricBuffer
from pipelines.choose import resolve
from pipelines.hydra_entry import run_composed
from pipelines.layout import STAGE, Layout
from pipelines.store import new_run, store_of

NO_TAGS: Mapping[str, str] = MappingProxyType({})


def run(config: Config, files: Layout, tags: Mapping[str, str] = NO_TAGS) -> str:
    """Trains the network; leaves it with its report, and a run in the tracking store, whose id it returns."""
    # What a person may have to mend is looked at first: TensorFlow takes seconds to start.
    store = store_of(config.tracking)
    data = open_dataset(files.data)
    unroll, choice = resolve(config)
    import_seconds = start_tensorflow(config.runtime.threads)
    from echo_rnn import model, trained  # noqa: PLC0415
    from echo_rnn.inputs import features  # noqa: PLC0415
    from echo_rnn.training import Learner, build_optimizer, train  # noqa: PLC0415
    from pipelines import reports  # noqa: PLC0415

    network = model.build(config.model, unroll, INPUTS, CLASSES, compiled=config.trainer.compile)
    # The children before these belong to the series.
    *_, weights_seed, dropout_seed = np.random.SeedSequence(config.seed).spawn(5)
    optimizer = build_optimizer(config.optimizer, config.schedule, config.clipping)
    learner = Learner(network, network.initial_weights(weights_seed), optimizer, seed=dropout_seed)
    with new_run(store, config, tags) as tracked:
        tracked.log_config(config.model_dump(mode="json", exclude={"sweep", "benchmark"}))
        tracked.log_artifact(files.config, "config")
        tracked.log_dataset(f"{config.task.name}-train", data.digest, files.shown(files.data), "training")
        if choice is not None:
            tracked.set_tags({"unroll.chosen": choice.label, "unroll.why": choice.why})
            tracked.log_metrics([("time/choosing", choice.seconds, 0)])
        with MetricBuffer(tracked) as metrics:
            history = train(
                learner,
                data,
                config.trainer,
                last_good=files.last_good,
                on_epoch=lambda record: metrics.add(reports.epoch_metrics(record)),
            )
            metrics.add(reports.phase_metrics(history, import_seconds))
        exported = trained.save(
            files.model, config.model, unroll, learner.weights, run_id=tracked.id, dataset_digest=data.digest
        )
        picture = reports.report_training(history, data.validation.accuracy_ceiling, files.training)
        tracked.log_artifact(picture, "figures")
        example_BN = data.validation.x_EBN[0][:, : config.trainer.window]
        tracked.log_model(exported, features(example_BN).numpy())
    if history.leftover_steps:
        row_steps = data.train.x_EBN.shape[-1]
        print(f"{history.leftover_steps} of {row_steps:,} time steps of a row fill no window and are not trained on")
    return tracked.id


if __name__ == "__main__":
    with one_sentence():
        if sys.argv[1:] == ["--stage"]:
            run(read(STAGE.config), STAGE)
        else:
            from pipelines.job import job

            run_composed(job)
