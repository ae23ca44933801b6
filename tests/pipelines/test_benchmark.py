"""Benchmarks through their real programs: measured, reported, logged, stopped, gone on with, and asked for advice."""

import json
import re
import signal
import subprocess
import time

import pytest

from tests.pipelines.project import environment

# Two shapes in two processes each; small, so that it is the program that takes the time.
TINY = ("sweep=debug", "benchmark=brief", "benchmark.rounds=3", "sweep.grids.0.units=[2,3]")


def records(project, sweep="debug"):
    """The records of a sweep by shape and name."""
    folder = project.folder / "benchmarks" / sweep
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.json")}


def test_the_pipelines_own_benchmark_left_records_a_report_and_runs(finished):
    result = finished.json("reports/benchmark/results.json")
    assert [strategy["label"] for strategy in result[0]["contestants"]] == ["dynamic", "static"]
    page = finished.read("reports/benchmark/report.html").decode()
    assert "<html" in page
    assert not re.search(r"(src|href)=\"http", page)
    *runs, summary = finished.runs(benchmark=True)
    assert {run.data.params["strategy"] for run in runs} == {"dynamic", "static"}
    assert {run.data.tags["sweep"] for run in runs} == {summary.data.tags["summary_of"]}
    assert all(run.data.metrics["step/milliseconds"] > 0 for run in runs)
    assert all(run.data.params["units"] == "2" for run in runs)
    assert not any("mlflow.parentRunId" in run.data.tags for run in runs)
    client = finished.client()
    assert {file.path for file in client.list_artifacts(summary.info.run_id)} == {"report", "records"}


@pytest.mark.slow
def test_a_named_sweep_measures_once_and_is_logged_once(unused):
    first = unused.stage("benchmark", "-m", *TINY)
    assert first.code == 0, first.err
    assert re.search(r"debug: 4 processes, 0 measured before", first.out)
    assert re.search(r"compare: http://127.0.0.1:5000/#/experiments/\d+/runs\?compareRunsMode=CHART", first.out)
    assert "of another machine or other code" not in first.out
    kept, runs = records(unused), unused.runs(benchmark=True)
    assert len(kept) == 4  # two shapes, two processes
    assert len(runs) == 2 * 2 + 1
    assert (unused.folder / "reports/sweeps/debug/report.html").is_file()

    second = unused.stage("benchmark", "-m", *TINY)
    assert second.code == 0, second.err
    assert "4 measured before" in second.out
    assert records(unused) == kept
    assert len(unused.runs(benchmark=True)) == len(runs)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_was_stopped_goes_on_where_it_was(unused, number):
    command = ["python", "-m", "pipelines.benchmark", "-m", *TINY]
    sweep = subprocess.Popen(command, cwd=unused.folder, env=environment(), start_new_session=True)
    deadline = time.monotonic() + 300
    while not (unused.folder / "benchmarks/debug").is_dir() or not records(unused):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kept = records(unused)
    sweep.send_signal(number)
    assert sweep.wait(120) == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert len(records(unused)) < 4

    answer = unused.stage("benchmark", "-m", *TINY)
    assert answer.code == 0, answer.err
    after = records(unused)
    assert len(after) == 4
    assert kept.items() <= after.items()
    assert {run.info.status for run in unused.runs(benchmark=True)} == {"FINISHED"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sweep=statc"], "sweep: expected one of .*seed.* got 'statc'"),
        (["sweep.strategies=[dynamic,wave]"], r"sweep\.strategies: .* got 'wave'"),
        (["sweep.strategies=[block]"], "expected .* any strategy but block.* got 'block'"),
        (["sweep.grids.0.batch_size=10000000", "sweep.grids.0.units=4096", "sweep.grids.0.window=10000"], "memory|GiB"),
        (["benchmark.rounds=2"], "benchmark.rounds: expected a number at least 3, got 2"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_measured(unused, arguments, sentence):
    answer = unused.stage("benchmark", *arguments)
    assert answer.code == 2
    assert re.search(sentence, answer.sentence), answer.sentence
    assert not list((unused.folder / "benchmarks").rglob("*.json"))


@pytest.mark.parametrize(
    "damage", [lambda text: text[: len(text) // 2], lambda text: text.replace('"format": 2', '"format": 9')]
)
def test_a_damaged_record_is_named(project, damage):
    (record,) = (project.folder / "benchmarks/stage").rglob("*.json")
    text = record.read_text()
    record.unlink()
    record.write_text(damage(text))
    answer = project.stage("report")
    assert answer.code == 2
    assert record.name in answer.sentence
    assert "measured again" in answer.sentence


@pytest.mark.slow
def test_advice_is_measured_once_and_readable_by_programs(unused):
    question = ("model=rnn", "model.layers=1", "model.units=3", "trainer.window=5", "trainer.compile=graph")
    first = unused.stage("recommend", *question)
    assert first.code == 0, first.err
    label = re.search(r"^unroll=(\w+)$", first.out, flags=re.MULTILINE)[1]
    second = unused.stage("recommend", *question, "--more", "--json")
    answer = json.loads(second.out)
    assert (answer["result"]["processes"], bool(answer["reused"])) == (2, True)
    second = unused.stage("recommend", *question, "--json")
    answer = json.loads(second.out)
    assert answer["label"] == label
    assert "measuring" in first.err
    assert "measuring" not in second.err
    assert label in {strategy["label"] for strategy in answer["result"]["contestants"]}
    assert not (unused.folder / "outputs").exists()


@pytest.mark.slow
def test_training_with_auto_measures_once_says_what_it_chose_and_trains_with_it(unused):
    for _ in range(2):
        answer = unused.stage("train", "experiment=debug", "unroll=auto")
        assert answer.code == 0, answer.err
    first, second = unused.runs()
    assert first.data.tags["unroll"] == "auto"
    assert first.data.tags["unroll.chosen"] == second.data.tags["unroll.chosen"]
    assert second.data.metrics["time/choosing"] < first.data.metrics["time/choosing"] / 2  # seconds against a look
    (folder, _) = sorted((unused.folder / "outputs").glob("*/*"))
    network = json.loads((folder / "models/model.json").read_text())["network"]
    assert network["unroll"] == first.data.tags["unroll.chosen"]


def test_auto_is_refused_where_shapes_cannot_be_compared(unused):
    answer = unused.stage("train", "unroll=auto", "model.units=[4,3,4]")
    assert answer.code == 2
    assert "any strategy but auto" in answer.sentence
