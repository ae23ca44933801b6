"""The runs of a tracking store as a table; nothing is created, delivered or ended for that."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from echo_rnn.errors import UserError
from echo_rnn.tracking.address import mlflow_errors, new_client, require_answer, resolve

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_MLFLOWS_OWN = "mlflow."
_PAGE = 1000


def table(uri: str | None, root: Path, tags: Mapping[str, str]) -> pd.DataFrame:
    """The runs of all experiments that have all of `tags`, the newest first, as one row each.

    Args:
        uri: As for `open_store`.
        root: The project's folder.
        tags: Values of tags by their names.

    Returns:
        Columns `run_id`, `name`, `experiment`, `status`, `start`, `end` (times in UTC), then `params.NAME` as text,
        `metrics.NAME` (the last value) and `tags.NAME`; without a run only the first six.

    Raises:
        UserError: There is no store, or it does not answer.
    """
    address = resolve(uri, root)
    if address.database is not None and not address.database.is_file():
        raise UserError(
            f"tracking store: expected the runs of a project, got no {address.database}; train first, work in the "
            "project's folder, or set MLFLOW_TRACKING_URI",
            "store.none",
        )
    require_answer(address)
    client = new_client(address)
    wanted = " and ".join(f"tags.`{name}` = {json.dumps(value)}" for name, value in tags.items())
    with mlflow_errors(address):
        experiments = {each.experiment_id: each.name for each in client.search_experiments()}
        found = [_row(run, experiments[run.info.experiment_id]) for run in _runs(client, list(experiments), wanted)]
    columns = ["run_id", "name", "experiment", "status", "start", "end"]
    named = sorted({name for row in found for name in row} - set(columns), key=_by_kind)
    rows = pd.DataFrame(found, columns=[*columns, *named])
    for column in ("start", "end"):
        rows[column] = pd.to_datetime(rows[column], unit="ms", utc=True)
    return rows


def _by_kind(column: str) -> tuple[int, str]:
    kind, _, _ = column.partition(".")
    return ("params", "metrics", "tags").index(kind), column


def _runs(client: "MlflowClient", experiments: list[str], wanted: str) -> "Iterator[Run]":
    """All runs, which MLflow gives in pages."""
    token = None
    while experiments:
        page = client.search_runs(experiments, wanted, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _row(run: "Run", experiment: str) -> dict[str, Any]:
    info, data = run.info, run.data
    row = {"run_id": info.run_id, "name": info.run_name, "experiment": experiment, "status": info.status}
    row |= {"start": info.start_time, "end": info.end_time}
    row |= {f"params.{name}": value for name, value in data.params.items()}
    row |= {f"metrics.{name}": value for name, value in data.metrics.items()}
    return row | {f"tags.{name}": value for name, value in data.tags.items() if not name.startswith(_MLFLOWS_OWN)}
