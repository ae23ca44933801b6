"""Stage `benchmark`, and sweeps that Hydra composes: unrolling strategies against each other.

    python -m pipelines.benchmark --stage                        what dvc.yaml runs
    python -m pipelines.benchmark -m sweep=static_vs_dynamic     a named sweep of conf/sweep/, with its report and runs

A sweep that was stopped is resumed: what has been measured on this machine with this code is not measured again.
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import sys

from omegaconf import DictConfig

from echo_rnn.config import in_jobs, read
from echo_rnn.errors import one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.benchmark import measure_sweep
from echo_rnn.stages.layout import CONF, STAGE, project_root
from echo_rnn.stages.report import report
from pipelines.hydra_entry import run_composed


def job(composed: DictConfig) -> None:
    """Measures, reports and logs a sweep; its files lie by its name in the project, where a later call finds them."""
    config = in_jobs(composed, CONF).config
    records = project_root() / "benchmarks" / config.sweep.name
    reports = project_root() / "reports" / "sweeps" / config.sweep.name
    with alone(records, "benchmark"), alone(reports, "benchmark"):
        measure_sweep(config, records)
        report(config, records, reports)


if __name__ == "__main__":
    with one_sentence():
        if sys.argv[1:] == ["--stage"]:
            with alone(STAGE.root, "benchmark"):
                measure_sweep(read(STAGE.config), STAGE.records)
        else:
            run_composed(job)
