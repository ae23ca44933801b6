"""What Hydra runs for a benchmark: one job measures one named sweep, reports it and logs it."""

import hydra
from omegaconf import DictConfig

from echo_rnn.config import in_jobs
from echo_rnn.stages.layout import CONF, project_root
from pipelines import benchmark, report
from pipelines.hydra_entry import in_job


@hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
def job(composed: DictConfig) -> None:
    """Records and report lie by the sweep's name in the project, so that a later call finds what this one measured."""
    with in_job():
        config = in_jobs(composed, CONF).config
        records = project_root() / "benchmarks" / config.sweep.name
        benchmark.run(config, records)
        report.run(config, records, project_root() / "reports" / "sweeps" / config.sweep.name)
