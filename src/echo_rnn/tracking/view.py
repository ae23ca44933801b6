"""What MLflow's pages show first: views that are stored with an experiment, as their button "Share" stores them.

Without one the pages show ten runs at most, sections of charts by their names, and runs by their age.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

TAG = "mlflow.sharedViewState."
"""What the tags of an experiment that hold views begin with; the key of the view follows."""
MOST_PARAMETERS = 6
"""Of the parallel coordinates: more axes cannot be read."""
# MLflow's front page opens on GenAI traces without it.
_TYPE = {"workflowType": "machine_learning"}


@dataclass(frozen=True)
class View:
    """The charts of some runs.

    Attributes:
        shown: Which runs, in MLflow's language of searches.
        charts: The metrics whose bars stand first, in this order; all others follow by their names.
        parameters: The axes of the parallel coordinates that lead to the first of `charts`; without any there are none.
        fastest_first: Whether runs are in the order of the first of `charts` and not from the newest to the oldest.
    """

    shown: str
    charts: Sequence[str]
    parameters: Sequence[str] = field(default=())
    fastest_first: bool = True

    def text(self) -> str:
        """The view as MLflow's pages read it; what it leaves out is as always."""
        first, *_ = self.charts
        sections = list(dict.fromkeys(metric.partition("/")[0] for metric in self.charts))
        drawn = [_chart("BAR", metric, metric.partition("/")[0], metricKey=metric) for metric in self.charts]
        if self.parameters:
            axes = {"selectedParams": list(self.parameters), "selectedMetrics": [first], "showAllRuns": False}
            drawn.append(_chart("PARALLEL", "parallel", sections[0], **axes))
        parts = {"display": True, "isReordered": True, "deleted": False, "isGenerated": True}
        state: dict[str, Any] = {
            "searchFilter": self.shown,
            "runsHiddenMode": "SHOWALL",
            "isAccordionReordered": True,
            "selectedColumns": [
                *(f"metrics.`{metric}`" for metric in self.charts),
                *(f"params.`{name}`" for name in self.parameters),
            ],
            "compareRunSections": [{"uuid": name, "name": name, **parts} for name in sections],
            "compareRunCharts": drawn,
        }
        if self.fastest_first:
            state |= {"orderByKey": f"metrics.`{first}`", "orderByAsc": True}
        return json.dumps(state)


def key_of(text: str) -> str:
    """The key of a view: equal views have one."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def view_link(base_url: str, experiment_id: str, key: str) -> str:
    """Link to the view `key` of an experiment."""
    query = {"viewStateShareKey": key, "compareRunsMode": "CHART"} | _TYPE
    return f"{base_url.rstrip('/')}/#/experiments/{experiment_id}/runs?{urlencode(query, quote_via=quote)}"


def with_tag(name: str, value: str) -> str:
    """The runs that have a tag."""
    quote_mark = "'" if '"' in value else '"'
    return f"tags.`{name}` = {quote_mark}{value}{quote_mark}"


def _chart(kind: str, uuid: str, section: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "uuid": uuid, "metricSectionId": section, "deleted": False, "isGenerated": True, **more}
