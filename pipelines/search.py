"""Adaptive search: proposes settings, ends trainings that fall behind, and prints the best configuration.

    python -m pipelines.search                                          the space of conf/search/seed.yaml
    python -m pipelines.search search=mine search.workers=4             your own, four trainings at once
    python -m pipelines.search -m search.worker=0,1,2 hydra/launcher=joblib    as many commands, by any launcher

The same command goes on with what was stopped; several that run at once share the study. See docs/scaling.md.
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from echo_rnn.config import in_jobs
from echo_rnn.errors import one_sentence
from echo_rnn.stages.layout import CONF, project_root
from pipelines.hydra_entry import run_composed
from pipelines.job import as_typed


def job(composed: DictConfig) -> None:
    """Works on the study that the configuration names."""
    from echo_rnn.stages.search import Search  # noqa: PLC0415 # Optuna takes a second

    composition = in_jobs(composed, CONF)
    typed = [word for word in as_typed(HydraConfig.get().overrides.task) if not word.startswith("search.")]
    folder = project_root() / "searches" / composition.config.search.name
    Search(composition, typed, folder, CONF).run()


if __name__ == "__main__":
    with one_sentence():
        run_composed(job)
