"""Jobs that Hydra composes, without DVC; sweeps of them: `test_sweeps`."""

import json
import re
import shutil
from pathlib import Path

import pytest

SHORT = ("experiment=debug",)


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
        ([""], "evaluate.folder"),
        ([str(fetched), str(fetched)], "manifest.missing"),
        ([str(fetched), str(data), "more"], "evaluate.arguments"),
    ):
        assert unused.stage("evaluate", *words).code_of_error == code


@pytest.mark.slow
def test_the_same_seed_trains_in_shards_to_the_same_bits_twice(unused):
    """In one program: `tests/training/test_repeatable.py`."""
    weights, curves = [], []
    for _ in range(2):
        assert unused.stage("train", *SHORT, "trainer.compile=xla", "trainer.shards=4", "tracking=none").code == 0
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
            *("python", "-c", PEAK, "model=rnn", "model.layers=1", "model.units=1", "unroll=deferred"),  # soon over
            *(f"task.series_length={steps}", "task.validation_length=10000", "task.test_length=10000"),
            *("task.batch_size=50", "trainer.epochs=1"),  # of each row some pages around are mapped, too
            *("trainer.compile=xla", "runtime.compile_cache=null"),  # both compile, which takes memory, too
        )
        return int(re.search(r"^peak (\d+)$", answer.out, re.MULTILINE)[1])

    growth_kib = peak_kib(50_000_000) - peak_kib(5_000_000)  # either fills a buffer
    assert growth_kib < 44_000  # the longer series take 88,000 more
