"""One process at a time in a folder, and nobody waits for a lock that another one removed."""

import json
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from echo_rnn.errors import UserError
from echo_rnn.stages import alone as module
from echo_rnn.stages.alone import alone, measuring


def test_many_work_one_at_a_time_and_with_the_same_lock(tmp_path):
    folder, inside, together = tmp_path / "checkpoints", set(), []

    def visit(number):
        for _ in range(300):
            with alone(folder, "training"):
                inside.add(number)
                together.append(len(inside))
                inside.remove(number)

    with alone(folder, "training"):
        file = (folder / ".owner.lock").stat().st_ino
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))
    assert together == [1] * 1200
    assert [path.name for path in folder.iterdir()] == [".owner.lock"]
    assert (folder / ".owner.lock").stat().st_ino == file


def test_a_second_process_is_told_who_has_the_folder_and_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "_QUIET_SECONDS", 0.05)
    process = str(os.getpid())
    with alone(tmp_path, "training"):
        with pytest.raises(UserError) as caught, ThreadPoolExecutor(1) as pool:
            pool.submit(alone(tmp_path, "training", seconds=0.1).__enter__).result()
        assert json.loads((tmp_path / ".owner").read_text())["pid"] == os.getpid()
    assert caught.value.code == "folder.busy"
    assert {path.name for path in tmp_path.iterdir()} == {".owner.lock"}  # the refused one changed nothing
    for text in (str(caught.value), capsys.readouterr().err):
        assert str(tmp_path) in text
        assert process in text


def hold_and_be_killed(folder):
    with alone(folder, "training"):
        os._exit(9)


def test_a_process_that_is_killed_releases_the_folder(tmp_path):
    child = multiprocessing.get_context("spawn").Process(target=hold_and_be_killed, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == 9
    assert (tmp_path / ".owner").exists()
    with alone(tmp_path, "training"):
        assert json.loads((tmp_path / ".owner").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".owner").exists()


def test_a_folder_that_vanished_is_made_again(tmp_path):
    for _ in range(2):
        with alone(tmp_path / "checkpoints", "training"):
            pass
        (tmp_path / "checkpoints/.owner.lock").unlink()
        (tmp_path / "checkpoints").rmdir()


@pytest.mark.parametrize("place", ["file", "link", "file/checkpoints"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, place):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nothing" / "there")
    with pytest.raises(UserError) as caught, alone(tmp_path / place, "training"):
        pass
    assert caught.value.code == "disk.unwritable"
    assert str(tmp_path / place) in str(caught.value)


def test_a_second_measurement_is_refused(tmp_path):
    with measuring(tmp_path), pytest.raises(UserError) as caught, ThreadPoolExecutor(1) as pool:
        pool.submit(measuring(tmp_path).__enter__).result()
    assert caught.value.code == "benchmark.busy"
    with measuring(tmp_path, wait=True):
        pass


def test_what_a_thread_owns_is_its_own(tmp_path):
    with alone(tmp_path, "job"):
        with alone(tmp_path, "training"):
            pass
        assert (tmp_path / ".owner").exists()
