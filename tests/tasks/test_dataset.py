import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from echo_rnn import manifest
from echo_rnn.errors import UserError
from echo_rnn.files import sha256
from echo_rnn.tasks import echo
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tasks.echo import Echo
from echo_rnn.tasks.synthetic import SplitLengths, generate
from tests.crashes import crash_after

TASK = Echo(echo_step=3, rows=5)
LENGTHS = SplitLengths(train=200, validation=100, test=150)
SERIES_FILES = [f"{split}_{axis}.npy" for split in ("train", "validation", "test") for axis in ("x", "y")]


def make(folder, *, seed=0, epochs=4, lengths=LENGTHS, task=TASK, progress=lambda steps: None):
    generate(task, seed=seed, epochs=epochs, lengths=lengths, folder=folder, progress=progress)
    return open_dataset(folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@dataclass(frozen=True)
class Breaking(Echo):
    """An echo task whose process dies in the second series."""

    def blocks(self, seed, length):
        if seed.spawn_key == (0, 1):
            raise KeyboardInterrupt
        yield from super().blocks(seed, length)


class Short(Echo):
    """An echo task that yields one step too few."""

    def blocks(self, seed, length):
        yield from super().blocks(seed, length - 1)


# What a whole dataset is


def test_every_split_has_its_shape_its_series_and_its_ceiling(tmp_path):
    data = make(tmp_path / "data")
    for number, (split, epochs, steps) in enumerate(
        [(data.train, 4, 40), (data.validation, 1, 20), (data.test, 1, 30)]
    ):
        assert split.x_EBNI.shape == (epochs, 5, steps, 1)
        assert split.y.shape == (epochs, 5, steps)
        for epoch in range(epochs):
            seed = np.random.SeedSequence(0, spawn_key=(number, epoch))
            x_BN, y_BN = TASK.series(seed, 5 * steps)
            np.testing.assert_array_equal(split.x_EBNI[epoch, ..., 0], x_BN)
            np.testing.assert_array_equal(split.y[epoch], y_BN)
        assert split.accuracy_ceiling == TASK.accuracy_ceiling(split.y)
    assert (data.task, data.parameters) == ("echo", {"echo_step": 3})


def test_manifest_has_files_and_seeds(tmp_path):
    data = make(tmp_path, seed=7)
    described = json.loads((tmp_path / "dataset.json").read_text())
    assert described["task"] == {"name": "echo", "parameters": {"echo_step": 3}}
    assert [split["seed"] for split in described["splits"].values()] == [
        {"entropy": 7, "spawn_key": [number]} for number in range(3)
    ]
    for name, split in described["splits"].items():
        for axis, file in split["files"].items():
            path = tmp_path / f"{name}_{axis}.npy"
            assert file == {"bytes": path.stat().st_size, "sha256": sha256(path)}
    assert described["digest"] == data.digest
    assert len(data.digest) <= 36, "MLflow refuses longer digests"


def test_series_are_mapped_read_only(tmp_path):
    data = make(tmp_path)
    assert isinstance(data.train.x_EBNI, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        data.train.x_EBNI[0, 0, 0] = 1


def test_series_are_plain_npy_files(tmp_path):
    data = make(tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "train_x.npy"), data.train.x_EBNI)


def test_progress_counts_every_step(tmp_path):
    steps = []
    make(tmp_path, progress=steps.append)
    assert sum(steps) == 4 * 200 + 100 + 150


def test_rows_that_do_not_divide_a_length_are_refused(tmp_path):
    with pytest.raises(ValueError, match="5 rows do not divide the 99 steps of the validation series"):
        make(tmp_path, lengths=SplitLengths(100, 99, 100))


def test_task_that_makes_another_length_is_refused(tmp_path):
    with pytest.raises(ValueError, match="task echo made 199 steps instead of 200"):
        make(tmp_path, task=Short(echo_step=3, rows=5))


# Randomness


def test_same_seed_same_bytes(tmp_path):
    first, second = make(tmp_path / "first"), make(tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert first.digest == second.digest


def test_other_seed_other_series(tmp_path):
    first, second = make(tmp_path / "first"), make(tmp_path / "second", seed=1)
    assert first.digest != second.digest
    assert not np.array_equal(first.train.x_EBNI, second.train.x_EBNI)


def test_splits_and_epochs_are_uncorrelated(tmp_path):
    steps = 100_000
    data = make(tmp_path, epochs=3, lengths=SplitLengths(steps, steps, steps))
    series = [x_BN.reshape(-1) for split in (data.train, data.validation, data.test) for x_BN in split.x_EBNI]
    correlations = np.corrcoef(series) - np.eye(len(series))
    assert np.abs(correlations).max() < 5 / np.sqrt(steps)  # five standard errors of independent fair bits


def test_more_epochs_and_other_lengths_leave_the_series_as_they_are(tmp_path):
    few = make(tmp_path / "few", epochs=2)
    many = make(tmp_path / "many", epochs=5, lengths=SplitLengths(200, 500, 150))
    np.testing.assert_array_equal(few.train.x_EBNI, many.train.x_EBNI[:2])
    np.testing.assert_array_equal(few.train.y, many.train.y[:2])
    np.testing.assert_array_equal(few.test.x_EBNI, many.test.x_EBNI)


@pytest.mark.parametrize("block_steps", [1, 7, 64, 199])
def test_block_size_does_not_change_the_bytes(tmp_path, monkeypatch, block_steps):
    make(tmp_path / "whole")
    monkeypatch.setattr(Echo.blocks, "__defaults__", (block_steps,))
    make(tmp_path / "blocks")
    assert contents(tmp_path / "whole") == contents(tmp_path / "blocks")


# Damage


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def folder_instead(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", SERIES_FILES)
@pytest.mark.parametrize(
    ("damage", "code", "values"),
    [
        (truncate, "manifest.damaged", ["bytes"]),
        (empty, "manifest.damaged", ["bytes", "got 0"]),
        (flip_bit, "manifest.damaged", ["SHA-256"]),
        (remove, "manifest.missing", ["got nothing"]),
        (folder_instead, "manifest.missing", ["got a folder"]),
    ],
)
def test_damaged_series_is_named(tmp_path, name, damage, code, values):
    make(tmp_path)
    damage(tmp_path / name)
    assert_refused(tmp_path, tmp_path / name, code, *values)


@pytest.mark.parametrize(
    ("damage", "code", "values"),
    [
        (truncate, "manifest.damaged", ["JSON"]),
        (empty, "manifest.damaged", ["JSON"]),
        (remove, "manifest.missing", ["got nothing"]),
        (folder_instead, "manifest.missing", ["got a folder"]),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "manifest.damaged", ["JSON"]),
        (lambda path: path.write_text("[1]"), "manifest.other_version", ["format 3", "got None"]),
        (lambda path: path.write_text("{}"), "manifest.other_version", ["format 3", "got None"]),
        (lambda path: path.write_text('{"format": 3}'), "manifest.damaged", ["digest None"]),
    ],
)
def test_damaged_manifest_is_named(tmp_path, damage, code, values):
    make(tmp_path)
    path = tmp_path / "dataset.json"
    if damage is truncate:
        path.write_text(path.read_text().rstrip())  # so that the last character counts
    damage(path)
    assert_refused(tmp_path, path, code, *values)


@pytest.mark.parametrize(
    ("edit", "code", "values"),
    [
        (lambda content: content.update(format=99), "manifest.other_version", ["format 3", "got 99"]),
        (lambda content: content.pop("seed"), "manifest.damaged", ["digest"]),
        (lambda content: content["splits"]["test"].update(accuracy_ceiling=1.0), "manifest.damaged", ["digest"]),
        (lambda content: content["splits"]["train"]["files"].pop("x"), "manifest.damaged", ["digest"]),
        (lambda content: content.pop("digest"), "manifest.damaged", ["digest None"]),
    ],
)
def test_edited_manifest_is_refused(tmp_path, edit, code, values):
    make(tmp_path)
    rewrite(tmp_path, edit, digest=False)
    assert_refused(tmp_path, tmp_path / "dataset.json", code, *values)


def test_series_of_another_shape_than_in_the_manifest_is_refused(tmp_path):
    make(tmp_path)
    rewrite(tmp_path, lambda content: content["splits"]["test"].update(shape={"x": [1, 6, 25, 1], "y": [1, 6, 25]}))
    assert_refused(tmp_path, tmp_path / "test_x.npy", "manifest.damaged", "[1, 6, 25, 1]", "[1, 5, 30, 1]")


def test_file_without_permission_to_read_is_named(tmp_path, monkeypatch):
    make(tmp_path)
    monkeypatch.setattr(manifest.os, "access", lambda path, mode: path.name != "test_y.npy")  # root may read anything
    assert_refused(tmp_path, tmp_path / "test_y.npy", "manifest.unreadable")


def test_missing_folder_is_named(tmp_path):
    assert_refused(tmp_path / "data", tmp_path / "data", "manifest.missing", "got nothing")


def test_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "data").touch()
    assert_refused(tmp_path / "data", tmp_path / "data", "manifest.missing", "got a file")
    with pytest.raises(UserError) as caught:
        make(tmp_path / "data")
    assert caught.value.code == "disk.unwritable"
    assert str(caught.value).startswith(f"{tmp_path / 'data'}: ")


def rewrite(folder, edit, *, digest=True):
    """Edits `dataset.json`; with `digest` as a consistent file that another writer could have made."""
    path = folder / "dataset.json"
    content = json.loads(path.read_text())
    edit(content)
    if digest:
        del content["digest"]
        content["digest"] = manifest.digest(content)
    path.write_text(json.dumps(content))


def assert_refused(folder, named, code, *values):
    with pytest.raises(UserError) as caught:
        open_dataset(folder)
    message = str(caught.value)
    assert caught.value.code == code
    assert message.startswith(f"{named}: ")
    assert all(value in message for value in values), message
    assert "dvc repro generate" in message
    assert "\n" not in message


# Whole or not at all


def test_crash_while_generating_leaves_the_earlier_dataset(tmp_path):
    make(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, task=Breaking(echo_step=4, rows=5))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("moves", range(7))
def test_crash_while_publishing_is_detected(tmp_path, monkeypatch, moves):
    make(tmp_path)
    done = crash_after(monkeypatch, tmp_path, moves)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, seed=1)
    assert len(done) == moves
    if moves:
        first = next(tmp_path / name for name in SERIES_FILES if tmp_path / name in done)  # in the order of reading
        assert_refused(tmp_path, first, "manifest.damaged")
    else:
        open_dataset(tmp_path)  # the earlier one


def test_generating_again_replaces_the_dataset_and_nothing_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    reader = make(tmp_path)
    before_EBN, digest = np.array(reader.train.x_EBNI), reader.digest
    again = make(tmp_path, seed=1)
    assert {path.name for path in tmp_path.iterdir()} == {*SERIES_FILES, "dataset.json", "notes.txt"}
    assert again.digest != digest
    np.testing.assert_array_equal(reader.train.x_EBNI, before_EBN)  # a reader keeps the files that it has open


# Cost


def run_python(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True).stdout


def test_importing_the_store_imports_numpy_only():
    heavy = run_python(
        "import sys, echo_rnn.tasks.dataset\n"
        "print(*{'tensorflow', 'keras', 'hydra', 'pydantic', 'mlflow', 'scipy', 'matplotlib'} & set(sys.modules))"
    )
    assert heavy.split() == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of one process is read from /proc")
def test_memory_does_not_grow_with_the_series(tmp_path):
    # Not getrusage: a child's ru_maxrss starts at the peak of the process that started it.
    code = """
import re, sys
from pathlib import Path
from echo_rnn.tasks.echo import Echo
from echo_rnn.tasks.synthetic import SplitLengths, generate
def peak_kib(steps):
    generate(Echo(3, 5), seed=0, epochs=1, lengths=SplitLengths(steps, 100, 100), folder=Path(sys.argv[1]))
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
small = peak_kib(2_500_000)
print(peak_kib(10_000_000) - small)
"""
    assert 2 * echo.BLOCK_STEPS < 2_500_000, "the first series should fill its blocks"
    growth_kib = int(run_python(code, str(tmp_path)))
    assert growth_kib < 4_000  # the two longer series take 20,000
