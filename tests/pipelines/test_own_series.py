"""A table of one's own through DVC: trained, killed, resumed, evaluated beside baselines, and exported."""

import pytest

from tests.pipelines.lives import DVC, killed

SERIES = """values:
  task:
    {input_files: series/river.csv, time_column: time, input_columns: [rain, level], target_columns: level, horizon: 6}
  trainer: {epochs: 200, early_stop: {patience: null}, checkpoint: {seconds: 0.05}}
  export: [keras, rtneural]
  model: {residual: false}
"""


@pytest.mark.slow
def test_a_table_is_learnt_killed_resumed_evaluated_and_exported(unused):
    unused.must("python", "-m", "pipelines.river", "series/river.csv")
    unused.edit("params.yaml", "values: {}\n", SERIES)
    unused.edit("params.yaml", "experiment: debug", "experiment: forecast")
    assert killed(unused, *DVC, pause=1)
    again = unused.must("dvc", "repro", "evaluate")
    assert again.stages == ["train", "evaluate"]
    assert "resumes after step" in again.err + again.out

    scores = unused.json("reports/evaluation/metrics.json")
    assert {f"{name}{of}" for name in ("esr_db", "r2") for of in ("", "_persistence", "_linear_filter")} <= set(scores)
    assert scores["esr_db"] < scores["esr_db_persistence"]
    assert {path.name for path in (unused.folder / "models/exports").iterdir()} == {
        "stateful.keras",
        "states.keras",
        "rtneural.json",
    }
    (run,) = unused.runs()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/esr_db"] == scores["esr_db"]
    assert {file.path for file in unused.client().list_artifacts(run.info.run_id, "figures")} == {
        "figures/curves.png",
        "figures/diagnosis.png",
        "figures/worst.png",
    }

    # A file that changes makes another dataset; its mistake is one sentence, and what stood there stays.
    before = unused.made()
    unused.edit("series/river.csv", "2020-01-02T05:00,", "2020-01-02T05:00,wet")
    refused = unused.run("dvc", "repro", "generate")
    assert refused.code != 0
    assert "river.csv, row 30, column rain" in refused.err
    assert unused.made() == before
