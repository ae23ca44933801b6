"""What Hydra runs for a comparison with peers: one job measures a sweep, and reports and logs all that is kept."""

import hydra
from omegaconf import DictConfig

from echo_rnn.config import in_jobs
from echo_rnn.stages.layout import CONF, project_root
from pipelines import peers, peers_report
from pipelines.hydra_entry import in_job


@hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
def job(composed: DictConfig) -> None:
    """Records and report lie in the project, so that a later call finds what this one measured."""
    with in_job():
        config = in_jobs(composed, CONF).config
        root = project_root()
        mark = peers.run(config, root / "benchmarks" / "peers")
        peers_report.run(config, root / "benchmarks" / "peers", mark, root / "reports" / "peers")
