"""The runs of a project as a table, for notebooks and programs."""

from typing import TYPE_CHECKING

from echo_rnn.stages.layout import project_root

if TYPE_CHECKING:
    import pandas as pd


def runs(*, uri: str | None = None, sweep: str | None = None) -> "pd.DataFrame":
    """The runs of the project's tracking store, the newest first; see `echo_rnn.tracking.table`.

    Args:
        uri: The store: `sqlite:///<file>` or an address; `MLFLOW_TRACKING_URI` goes first, and without both it is
            `mlflow.db` in the project that the current folder belongs to.
        sweep: The tag that the runs of one sweep share, as the end of the sweep prints it; `None` for all runs.

    Raises:
        UserError: There is no store, or it does not answer.
    """
    # MLflow and pandas take a while to import.
    from echo_rnn.tracking.table import table  # noqa: PLC0415

    return table(uri, project_root(), {} if sweep is None else {"sweep": sweep})
