"""A comparison with peers through its real program: measured once, reported, logged once; who is missing is named."""

import re

import pytest

# So large that no compiled program of many minutes takes part, and so small that it is soon over.
SMALL = (
    "sweep=peers",
    "sweep.strategies=[deferred]",
    "sweep.grids.0.units=16",
    "sweep.grids.0.layers=1",
    "sweep.grids.0.batch_size=100",
    "sweep.grids.0.window=33",
    "benchmark.rounds=6",
    "benchmark.processes=1",
    "benchmark.minimum_milliseconds=1",
)


@pytest.mark.slow
def test_a_comparison_is_measured_once_reported_and_logged_once(unused):
    first = unused.stage("peers", *SMALL)
    assert first.code == 0, first.err
    assert re.search(r"peers: 1 processes, 0 measured before", first.out)
    assert re.search(
        r"not timed: JAX: expected an environment \.venv-peers, got none; `make peers` makes it", first.out
    )
    rows = {row["peer"]: row for row in unused.json("reports/peers/summary.json")}
    assert set(rows) == {"deferred xla", "deferred xla shards4", "dynamic graph", "PyTorch", "JAX"}
    assert rows["JAX"]["ratio"] is None
    ours = rows["dynamic graph"]["ours"]
    assert rows[ours]["ratio"] == {"estimate": 1.0, "low": 1.0, "high": 1.0}
    page = unused.read("reports/peers/report.html").decode()
    assert "L = 1, S = 16, B = 100, T = 33" in page
    assert not re.search(r"(src|href)=\"http", page)
    (run,) = unused.runs(benchmark=True)
    assert run.data.metrics["steps L1-S16-B100-T33/dynamic graph"] >= 1
    assert {file.path for file in unused.client().list_artifacts(run.info.run_id, "report")} == {
        "report/peers.png",
        "report/report.html",
        "report/summary.json",
    }

    second = unused.stage("peers", *SMALL)
    assert second.code == 0, second.err
    assert "1 measured before" in second.out
    assert len(unused.runs(benchmark=True)) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sweep.grids.0.cell=gru"], "expected cell lstm, inputs 1 and precision float32"),
        (["sweep.strategies=[wave]"], r"sweep\.strategies: .* got 'wave'"),
        (["benchmark.rounds=2"], "benchmark.rounds: expected a number at least 3, got 2"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_measured(unused, arguments, sentence):
    answer = unused.stage("peers", "sweep=peers", *arguments)
    assert answer.code == 2
    assert re.search(sentence, answer.sentence), answer.sentence
    assert not list((unused.folder / "benchmarks").rglob("*.json"))


def test_the_articles_script_is_compared_at_its_own_sizes_only(unused):
    answer = unused.stage("whole_process", "model.units=5")
    assert answer.code == 2
    assert answer.code_of_error == "benchmark.not_the_seed"
    assert "{'units': 5}" in answer.sentence
    assert not list((unused.folder / "benchmarks").rglob("*.json"))
