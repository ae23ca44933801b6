"""Ours beside other libraries and hand-written C, measured in the same rounds.

    python -m pipelines.peers sweep=peers           the seed's shape
    python -m pipelines.peers sweep=peers_large     shapes whose time is spent in matrix products

`make peers` makes the environment of the other libraries and runs both. A peer that is missing is named, and the others
are measured. What has been measured on this machine with this code is kept, and the report covers all of it.
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
from omegaconf import DictConfig

from echo_rnn.config import in_jobs
from echo_rnn.errors import one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.layout import CONF, PEERS_RECORDS, PEERS_REPORT, project_root
from echo_rnn.stages.peers import measure_peers
from echo_rnn.stages.report import report_peers
from pipelines.hydra_entry import run_composed


def job(composed: DictConfig) -> None:
    """Measures, reports and logs; records and report lie in the project, where a later call finds them."""
    config, root = in_jobs(composed, CONF).config, project_root()
    with alone(root / PEERS_RECORDS, "peers"), alone(root / PEERS_REPORT, "peers"):
        fingerprint = measure_peers(config, root / PEERS_RECORDS)
        report_peers(config, root / PEERS_RECORDS, fingerprint, root / PEERS_REPORT)


if __name__ == "__main__":
    with one_sentence():
        run_composed(job)
