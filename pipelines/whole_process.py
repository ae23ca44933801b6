"""A training as a whole process beside the article's script: imports, data, compiling and reports included.

    python -m pipelines.whole_process unroll=wavefront_deferred                      100 epochs, some minutes
    python -m pipelines.whole_process unroll=wavefront_deferred trainer.epochs=20

Overrides are those of `pipelines.train`, which runs without a tracking store, as the article does. The article's script
has the seed's numbers only. The report is that of `pipelines.peers`.
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from echo_rnn.config import in_jobs
from echo_rnn.errors import one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.layout import CONF, PEERS_RECORDS, PEERS_REPORT, project_root
from echo_rnn.stages.peers import measure_trainings
from echo_rnn.stages.report import report_peers
from pipelines.hydra_entry import run_composed


def job(composed: DictConfig) -> None:
    """Measures, and reports all records of this machine and code."""
    config, root = in_jobs(composed, CONF).config, project_root()
    with alone(root / PEERS_RECORDS, "peers"), alone(root / PEERS_REPORT, "peers"):
        fingerprint = measure_trainings(config, list(HydraConfig.get().overrides.task), root / PEERS_RECORDS)
        report_peers(config, root / PEERS_RECORDS, fingerprint, root / PEERS_REPORT)


if __name__ == "__main__":
    with one_sentence():
        run_composed(job)
