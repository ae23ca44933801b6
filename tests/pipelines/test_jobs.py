"""Jobs that Hydra composes, without DVC: alone, many after each other, many at once."""

import json
import re
import shutil
from pathlib import Path

import pytest

SHORT = ("experiment=debug",)


def jobs(project):
    """The output folders of the only sweep, in order."""
    (sweep,) = (project.folder / "multirun").glob("*/*")
    return sorted((folder for folder in sweep.iterdir() if folder.name.isdigit()), key=lambda folder: int(folder.name))


@pytest.mark.slow
def test_a_job_generates_trains_and_evaluates_in_a_folder_of_its_own(unused):
    answer = unused.stage("train", *SHORT, "unroll=wavefront", "task.echo_step=2")
    assert answer.code == 0, answer.err
    assert "echo_step: 2" in answer.out  # the composed configuration
    (folder,) = (unused.folder / "outputs").glob("*/*")
    assert json.loads((folder / "reports/evaluation/metrics.json").read_text())["targets"] == 1500
    assert {path.name for path in folder.iterdir()} >= {"build", "data", "models", "reports"}
    assert unused.made() == {}
    (run,) = unused.runs()
    assert run.info.status == "FINISHED"
    assert run.data.params["task.echo_step"] == "2"

    # Once more from its folder: the same numbers, in the same run.
    numbers = folder / "reports/evaluation/metrics.json"
    before = numbers.read_bytes()
    numbers.unlink()
    assert unused.stage("evaluate", str(folder)).code == 0
    assert numbers.read_bytes() == before
    assert len(unused.runs()) == 1

    # By the id of its run, from the store alone, into the same run.
    data = unused.folder / "elsewhere"
    shutil.move(folder / "data", data)
    shutil.move(folder, unused.folder.parent / "gone")
    answer = unused.stage("evaluate", run.info.run_id)
    assert answer.code == 0, answer.err
    fetched = unused.folder / "outputs/evaluations" / run.info.run_id
    assert (fetched / "reports/evaluation/metrics.json").read_bytes() == before
    assert len(unused.runs()) == 1

    # On the dataset in another folder, in a run of its own.
    answer = unused.stage("evaluate", str(fetched), str(data))
    assert answer.code == 0, answer.err
    (place,) = re.findall(r"^report: (.*)$", answer.out, re.MULTILINE)
    assert Path(place, "reports/evaluation/metrics.json").read_bytes() == before
    assert [each.data.tags.get("trained_in") for each in unused.runs()] == [None, run.info.run_id]
    for words, code in (
        (["0" * 32], "store.unknown_run"),
        (["nowhere"], "evaluate.folder"),
        ([str(fetched), str(fetched)], "manifest.missing"),
        ([str(fetched), str(data), "more"], "evaluate.arguments"),
    ):
        assert unused.stage("evaluate", *words).code_of_error == code


@pytest.mark.slow
def test_a_sweep_logs_flat_runs_and_ends_with_a_table_and_a_link(unused):
    answer = unused.stage("train", "-m", *SHORT, "unroll=static,dynamic", "seed=0,1", "optimizer.learning_rate=0.1")
    assert answer.code == 0, answer.err
    *runs, summary = unused.runs()
    (sweep,) = {run.data.tags["sweep"] for run in runs}
    assert sorted((run.data.tags["unroll"], run.data.params["seed"]) for run in runs) == [
        ("dynamic", "0"), ("dynamic", "1"), ("static", "0"), ("static", "1")
    ]  # fmt: skip
    assert not any("mlflow.parentRunId" in run.data.tags for run in runs)
    assert all("test/accuracy" in run.data.metrics for run in runs)

    assert summary.data.tags["summary_of"] == sweep
    assert summary.data.metrics["sweep/jobs"] == 4
    accuracy = sum(run.data.metrics["test/accuracy"] for run in runs if run.data.tags["unroll"] == "static") / 2
    for text in (answer.out, summary.data.tags["mlflow.note.content"]):
        assert re.search(r"unroll=static.*\b2\b.* ± ", text)
        assert "optimizer.learning_rate=0.1" in text  # once, since it is equal in all rows
        assert re.search(rf"{accuracy:.6f} ± ", text)
    assert re.search(
        r"compare: http://127.0.0.1:5000/#/experiments/\d+/runs\?viewStateShareKey=\w+&compareRunsMode=CHART",
        answer.out,
    )


@pytest.mark.slow
def test_a_job_that_fails_does_not_take_the_others_with_it(unused):
    answer = unused.stage("train", "-m", *SHORT, "task.batch_size=5,7", "tracking.experiment=other")
    assert answer.code == 1
    assert re.search(r"failed: .*task.batch_size=7.*: task.batch_size: expected .* got 7", answer.out)
    finished, summary = unused.runs()
    assert finished.data.params["task.batch_size"] == "5"
    assert finished.info.status == "FINISHED"
    assert summary.data.metrics["sweep/failed"] == 1
    assert {experiment.name for experiment in unused.client().search_experiments()} == {"Default", "other"}


@pytest.mark.slow
def test_parallel_jobs_share_a_store_that_does_not_exist_yet(unused):
    answer = unused.stage("train", "-m", "hydra/launcher=joblib", *SHORT, "seed=0,1,2", "runtime.threads=1")
    assert answer.code == 0, answer.err
    *runs, _ = unused.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    assert len(jobs(unused)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 4])
def test_the_same_seed_trains_to_the_same_bits_twice(shards, unused):
    weights, curves = [], []
    for _ in range(2):
        assert (
            unused.stage("train", *SHORT, "trainer.compile=xla", f"trainer.shards={shards}", "tracking=none").code == 0
        )
    for folder in (unused.folder / "outputs").glob("*/*"):
        weights.append(json.loads((folder / "models/model.json").read_text())["files"]["weights.npz"])
        curves.append((folder / "reports/training/epochs.csv").read_text())
    assert weights[0] == weights[1]
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_the_seed_reaches_the_ceiling(unused):
    answer = unused.stage("train", "experiment=seed")
    assert answer.code == 0, answer.err
    (folder,) = (unused.folder / "outputs").glob("*/*")
    metrics = json.loads((folder / "reports/evaluation/metrics.json").read_text())
    assert abs(metrics["accuracy_gap"]) <= 1e-4
    training = json.loads((folder / "reports/training/metrics.json").read_text())
    assert (training["steps"], training["leftover_steps"]) == (66_600, 10)


PEAK = """
import re, runpy, sys
from pathlib import Path
sys.argv[0] = "pipelines/train.py"
runpy.run_module("pipelines.train", run_name="__main__", alter_sys=True)
print("peak", re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of one process is read from /proc")
def test_memory_of_a_run_does_not_grow_with_the_series(unused):
    def peak_kib(steps):
        answer = unused.must(
            *("python", "-c", PEAK, "unroll=wavefront_deferred", "trainer.compile=xla", "trainer.epochs=1"),
            *(f"task.series_length={steps}", "task.validation_length=10000", "task.test_length=10000"),
            *("task.batch_size=50", "runtime.compile_cache=null"),  # fewer steps; both compile, which takes memory, too
        )
        return int(re.search(r"^peak (\d+)$", answer.out, re.MULTILINE)[1])

    growth_kib = peak_kib(30_000_000) - peak_kib(5_000_000)  # either fills a buffer
    assert growth_kib < 24_000  # the longer series take 49,000 more
