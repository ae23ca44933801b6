"""Links into MLflow's web pages. Its front page opens on GenAI traces, so a person needs the right address."""

import json
from collections.abc import Sequence
from urllib.parse import quote


def comparison_link(base_url: str, experiment_id: str, sweep: str | None = None) -> str:
    """The charts of all runs of an experiment, or of those that carry the tag `sweep`."""
    link = f"{base_url.rstrip('/')}/#/experiments/{experiment_id}/runs"
    link += "?compareRunsMode=CHART&workflowType=machine_learning"
    return link if sweep is None else f"{link}&searchFilter={_encoded(f'tags.sweep = {json.dumps(sweep)}')}"


def parallel_link(base_url: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """Parallel coordinates of chosen runs, opened on the parameters that differ between them."""
    runs, experiments = _encoded(json.dumps(list(run_ids))), _encoded(json.dumps([experiment_id]))
    link = f"{base_url.rstrip('/')}/#/compare-runs?runs={runs}&experiments={experiments}"
    return f"{link}&workflowType=machine_learning"


def _encoded(text: str) -> str:
    return quote(text, safe="")
