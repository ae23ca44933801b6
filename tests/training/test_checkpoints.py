"""Checkpoints: training resumes from the newest whole one; damaged ones are named; other settings set them aside."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from echo_rnn.errors import UserError
from echo_rnn.stages.alone import alone
from echo_rnn.training import Checkpoints, checkpoints
from echo_rnn.training.checkpoints import Progress, Seconds
from echo_rnn.training.early_stop import Memory
from echo_rnn.training.fingerprint import Fingerprint
from echo_rnn.training.history import EpochRecord
from echo_rnn.training.learner import Snapshot

NOTHING = Memory()
OURS = Fingerprint({"seed": "0", "unroll.name": '"dynamic"'}, {"runtime.threads": "2"})


def snapshot(number):
    return Snapshot([np.full((2, 3), number, np.float32)], [np.array(7, np.int64), np.array([number], np.float32)])


def opened(folder, fingerprint=OURS, seconds=0.0, keep=3):
    folder.mkdir(exist_ok=True)
    return Checkpoints(folder, fingerprint, seconds=seconds, keep=keep)


def progress(checkpoints, steps, memory=NOTHING):
    state = [np.array([[steps, 0.5]], np.float32)]
    epochs = [EpochRecord(1, 0.5, 0.25, None, None, 9.0), EpochRecord(2, 0.25, 0.5, 0.75, 0.125, 8.0)]
    seconds = Seconds(1.5, 0.25, 0.1)
    return Progress(steps, epochs, snapshot(steps), state, memory, seconds, checkpoints.log.offset())


def filled(folder, count=3, **settings):
    """Checkpoints after 10, 20, … steps, with a row of history for each step."""
    checkpoints = opened(folder, **settings)
    assert checkpoints.newest() is None
    checkpoints.run_id = "a run"
    for steps in range(10, 10 * count + 1, 10):
        checkpoints.log.append(np.arange(30, dtype=np.float32).reshape(10, 3))
        checkpoints.save(progress(checkpoints, steps))
    return checkpoints


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_comes_back(tmp_path):
    checkpoints = opened(tmp_path)
    checkpoints.newest()
    checkpoints.run_id = "a run"
    for memory in (Memory(), Memory(0.5, 0.75, 2, snapshot(3), 4)):
        saved = progress(checkpoints, 0, memory)
        checkpoints.save(saved)
        again = opened(tmp_path)
        np.testing.assert_equal(asdict(again.newest()), asdict(saved))
        assert again.run_id == "a run"


def test_no_checkpoint_is_a_beginning(tmp_path, capsys):
    assert opened(tmp_path / "none").newest() is None
    assert capsys.readouterr().err == ""


def test_the_newest_is_taken_and_said(tmp_path, capsys):
    filled(tmp_path)
    assert opened(tmp_path).newest().steps == 30
    assert capsys.readouterr().err == f"note: training resumes after step 30, from {tmp_path / '000003'}\n"


def test_the_last_few_are_kept(tmp_path):
    filled(tmp_path, count=5, keep=2)
    assert names(tmp_path) == ["000004", "000005", "steps.f32"]


def test_its_size_does_not_grow_with_the_history(tmp_path):
    checkpoints, sizes = opened(tmp_path), []
    for rows in (10, 10**6):
        checkpoints.log.append(np.zeros((rows, 3), np.float32))
        folder = checkpoints.save(progress(checkpoints, 10))
        sizes.append(sum(file.stat().st_size for file in folder.iterdir()))
    assert sizes[1] - sizes[0] < 10


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def missing(path):
    path.unlink()


def folder_instead(path):
    path.unlink()
    path.mkdir()


DAMAGES = [cut, flip, empty, missing, folder_instead]


@pytest.mark.parametrize("file", ["checkpoint.json", "arrays.npz"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_falls_back_to_the_one_before_aloud(damage, file, tmp_path, capsys):
    filled(tmp_path)
    damage(tmp_path / "000003" / file)
    checkpoints = opened(tmp_path)
    assert checkpoints.newest().steps == 20
    assert len(checkpoints.log.read()) == 20
    damaged, resumed = capsys.readouterr().err.splitlines()
    assert damaged.startswith(f"note: {tmp_path / '000003' / file}: expected ")
    assert resumed == f"note: training resumes after step 20, from {tmp_path / '000002'}"
    # The next one takes its place.
    checkpoints.save(progress(checkpoints, 25))
    assert opened(tmp_path).newest().steps == 25


def test_a_file_in_its_place_falls_back(tmp_path):
    filled(tmp_path)
    (tmp_path / "000004").write_text("")
    assert opened(tmp_path).newest().steps == 30
    assert "000004" not in names(tmp_path)


def test_a_history_that_was_cut_falls_back_as_far_as_it_reaches(tmp_path):
    filled(tmp_path)
    content = (tmp_path / "steps.f32").read_bytes()
    (tmp_path / "steps.f32").write_bytes(content[: len(content) * 5 // 6])
    assert opened(tmp_path).newest().steps == 20


@pytest.mark.parametrize(
    ("damage", "files"),
    [
        *((damage, "00000*/arrays.npz") for damage in DAMAGES),
        *((damage, "00000*/checkpoint.json") for damage in DAMAGES),
        *((damage, "steps.f32") for damage in (empty, missing, folder_instead)),
    ],
)
def test_training_does_not_begin_anew_where_all_are_damaged(damage, files, tmp_path):
    filled(tmp_path)
    for path in tmp_path.glob(files):
        damage(path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.f*") if path.is_file()}
    for _ in range(2):
        assert_all_refused(tmp_path)
    assert {path: path.read_bytes() for path in before} == before


def test_another_version_is_refused(tmp_path, monkeypatch):
    filled(tmp_path)
    monkeypatch.setattr(checkpoints, "MANIFEST", replace(checkpoints.MANIFEST, format=checkpoints.MANIFEST.format + 1))
    assert_all_refused(tmp_path)


def assert_all_refused(folder):
    with pytest.raises(UserError) as caught:
        opened(folder).newest()
    assert caught.value.code == "checkpoint.damaged"
    assert str(caught.value).startswith(f"{folder}: ")
    assert "3 that are not" in str(caught.value)


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ({"seed": "1", "unroll.name": '"dynamic"'}, "seed (0 → 1)"),
        ({"unroll.name": '"static"', "seed": "0"}, 'unroll.name ("dynamic" → "static")'),
        ({"seed": "0"}, 'unroll.name ("dynamic" → nothing)'),
        ({**OURS.numbers, "code.model.py": "12ab"}, "code.model.py (nothing → 12ab)"),
        ({**OURS.numbers, **dict.fromkeys("abcde", "1")}, "c (nothing → 1), 2 more"),
    ],
)
def test_other_settings_set_it_aside_and_are_named(numbers, named, tmp_path, capsys):
    filled(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("000003/*")}
    checkpoints = opened(tmp_path, replace(OURS, numbers=numbers))
    assert checkpoints.newest() is None
    assert (checkpoints.run_id, len(checkpoints.log.read())) == ("", 0)
    (aside,) = tmp_path.glob("set-aside-*")
    note = capsys.readouterr().err
    assert named in note
    assert str(aside) in note
    assert {path.name: path.read_bytes() for path in aside.glob("000003/*")} == before

    # Moved back, it is resumed from.
    for path in tmp_path.glob("*.f*"):
        path.unlink()
    for path in aside.iterdir():
        path.rename(tmp_path / path.name)
    assert opened(tmp_path).newest().steps == 30


def test_what_may_change_last_bits_is_said_and_gone_on_with(tmp_path, capsys):
    filled(tmp_path)
    checkpoints = opened(tmp_path, replace(OURS, bits={"runtime.threads": "1"}))
    assert checkpoints.newest().steps == 30
    assert checkpoints.other_bits == "runtime.threads (2 → 1)"
    assert checkpoints.other_bits in capsys.readouterr().err.splitlines()[-1]


def test_what_a_killed_writer_left_is_no_checkpoint_and_the_next_owner_removes_it(tmp_path):
    filled(tmp_path)
    half = tmp_path / ".scratch" / "a" / "000009"
    half.mkdir(parents=True)
    (half / "arrays.npz").write_text("half")
    with alone(tmp_path, "training"):
        assert opened(tmp_path).newest().steps == 30
    assert ".scratch" not in names(tmp_path)


def test_only_numbers_are_checkpoints(tmp_path):
    filled(tmp_path)
    others = ("7-days", "12ab", "experiments")
    for other in others:
        (tmp_path / other).mkdir()
    checkpoints = opened(tmp_path)
    assert checkpoints.newest().steps == 30
    checkpoints.remove()
    assert names(tmp_path) == sorted(others)


def test_time_passes_between_two(tmp_path, monkeypatch):
    now, writing = [100.0], [0.5]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    checkpoints = opened(tmp_path, seconds=30.0)
    write = "echo_rnn.training.checkpoints.write"
    monkeypatch.setattr(write, lambda *arguments: now.__setitem__(0, now[0] + writing[0]))
    for cost, pause in ((0.5, 30.0), (2.0, 40.0)):
        writing[0] = cost
        checkpoints.save(progress(checkpoints, 1))
        now[0] += pause - 0.1
        assert not checkpoints.due
        now[0] += 0.2
        assert checkpoints.due


def test_nothing_is_left_once_they_are_removed(tmp_path):
    filled(tmp_path).remove()
    assert names(tmp_path) == []
