"""Benchmarks through their real programs: measured, reported, logged, stopped, gone on with, and asked for advice."""

import json
import re
import signal

import pytest

from tests.pipelines.lives import PATIENCE, until

pytestmark = pytest.mark.xdist_group("benchmark")  # in one process, for its fixtures

# In a process each; small, so that it is the program that takes the time.
TINY = ("sweep=debug", "benchmark.processes=1", "benchmark.rounds=3", "sweep.grids.0.units=[2,3,4,5]")
SHAPES = 4


def records(project, sweep="debug"):
    """The records of a sweep by shape and name."""
    folder = project.folder / "benchmarks" / sweep
    files = (path for path in folder.rglob("*.json") if ".scratch" not in path.parts)
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_the_pipelines_own_benchmark_left_records_a_report_and_runs(finished):
    result = finished.json("reports/benchmark/results.json")
    assert [strategy["label"] for strategy in result[0]["contestants"]] == ["dynamic", "static"]
    page = finished.read("reports/benchmark/report.html").decode()
    assert "<html" in page
    assert not re.search(r"(src|href)=\"http", page)
    *runs, summary = finished.runs(benchmark=True)
    assert {run.data.params["strategy"] for run in runs} == {"dynamic", "static"}
    assert {run.data.tags["sweep"] for run in runs} == {summary.data.tags["summary_of"]}
    assert all(run.data.metrics["step/microseconds"] > 0 for run in runs)
    assert all(run.data.params["units"] == "2" for run in runs)
    assert not any("mlflow.parentRunId" in run.data.tags for run in runs)
    client = finished.client()
    assert {file.path for file in client.list_artifacts(summary.info.run_id)} == {"report", "records"}


@pytest.mark.slow
def test_a_sweep_that_is_stopped_goes_on_where_it_was_and_measures_and_logs_once(unused):
    kept = {}
    for number in (signal.SIGKILL, signal.SIGINT):
        sweep = unused.start("python", "-m", "pipelines.benchmark", "-m", *TINY)
        until(lambda sweep=sweep, kept=kept: sweep.poll() is not None or len(records(unused)) > len(kept))
        sweep.send_signal(number)
        sweep.communicate(timeout=PATIENCE)
        assert sweep.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
        before, kept = kept, records(unused)
        assert before.items() <= kept.items()
    assert len(kept) < SHAPES

    first = unused.stage("benchmark", "-m", *TINY)
    assert first.code == 0, first.err
    assert re.search(rf"debug: {SHAPES} processes, {len(kept)} measured before", first.out)
    assert re.search(r"compare: http://127.0.0.1:5000/#/experiments/\d+/runs\?viewStateShareKey=\w+&", first.out)
    assert "of another machine or other code" not in first.out
    before, kept = kept, records(unused)
    assert before.items() <= kept.items()
    assert len(kept) == SHAPES
    runs = unused.runs(benchmark=True)
    assert len(runs) == 2 * SHAPES + 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert (unused.folder / "reports/sweeps/debug/report.html").is_file()

    second = unused.stage("benchmark", "-m", *TINY)
    assert second.code == 0, second.err
    assert f"{SHAPES} measured before" in second.out
    assert records(unused) == kept
    assert len(unused.runs(benchmark=True)) == len(runs)


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
def test_advice_is_measured_once_readable_by_programs_and_what_a_training_with_auto_follows(unused):
    question = ("experiment=debug", "model.layers=1", "model.units=3", "trainer.window=5")
    first = unused.stage("recommend", *question)
    assert first.code == 0, first.err
    assert "measuring" in first.err
    label = re.search(r"^unroll=(\w+)$", first.out, flags=re.MULTILINE)[1]
    answer = json.loads(unused.stage("recommend", *question, "--more", "--json").out)
    assert (answer["result"]["processes"], bool(answer["reused"])) == (2, True)
    assert label in {strategy["label"] for strategy in answer["result"]["contestants"]}
    label = answer["label"]  # what more was measured may speak for another one
    second = unused.stage("recommend", *question, "--json")
    assert json.loads(second.out)["label"] == label
    assert "measuring" not in second.err
    assert not (unused.folder / "outputs").exists()

    training = unused.stage("train", *question, "unroll=auto")
    assert training.code == 0, training.err
    assert "measuring" not in training.err
    (run,) = unused.runs()
    assert (run.data.tags["unroll"], run.data.tags["unroll.chosen"]) == ("auto", label)
    (folder,) = (unused.folder / "outputs").glob("*/*")
    assert json.loads((folder / "models/model.json").read_text())["network"]["unroll"] == label


def test_auto_is_refused_where_shapes_cannot_be_compared(unused):
    answer = unused.stage("train", "unroll=auto", "model.units=[4,3,4]")
    assert answer.code == 2
    assert "any strategy but auto" in answer.sentence
