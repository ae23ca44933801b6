"""One module writes, moves and removes; what it writes is whole or not there, and on disk before it has its place."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from echo_rnn import environment, files
from echo_rnn.environment import signature
from echo_rnn.errors import UserError

ROOT = Path(__file__).parents[1]
# By file: what changes files and is not a result, or writes into a scratch folder that `files` publishes.
ALLOWED = {
    "src/echo_rnn/files.py": "the one way",
    "src/echo_rnn/compiled_programs.py": "a cache in the user's folder, which the next process makes anew",
    "src/echo_rnn/manifest.py": "into scratch",
    "src/echo_rnn/training/checkpoints.py": "into scratch",
    "src/echo_rnn/inference/store.py": "into scratch",
    "src/echo_rnn/inference/series_files.py": "into scratch",
    "src/echo_rnn/inference/exports/nam.py": "into scratch",
    "src/echo_rnn/inference/exports/rtneural.py": "into scratch",
    "src/echo_rnn/tasks/series.py": "into scratch",
    "src/echo_rnn/tasks/synthetic.py": "into scratch",
    "src/echo_rnn/plots/style.py": "into scratch",
    "src/echo_rnn/tracking/outbox.py": "into scratch",
    "src/echo_rnn/tracking/run.py": "into scratch",
    "src/echo_rnn/tracking/database.py": "into scratch; the mode of the user's cache folder",
    "src/echo_rnn/tracking/services.py": "what servers print; the mode of a folder of secrets",
    "src/echo_rnn/stages/finished.py": "into scratch",
    "src/echo_rnn/stages/alone.py": "the name of an owner, under its lock",
    "src/echo_rnn/benchmark/measure/problem.py": "what a peer reads, in a temporary folder",
    "src/echo_rnn/benchmark/measure/machine.py": "a switch of the kernel",
}
# Whatever the file: these change names, and that is done in one way.
NEVER = {"rename", "rmtree", "unlink", "rmdir", "removedirs", "renames", "truncate", "ftruncate", "copytree", "move"}
WRITES = {"write_text", "write_bytes", "savez", "save", "savez_compressed", "touch", "mkdir", "makedirs", "copyfile"}


def changes(file):
    """The calls in a source that change files, by name."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, owner = node.func.attr, node.func.value
        if isinstance(owner, ast.Name) and owner.id == "files":
            continue
        mode = [each.value for each in node.args[:2] if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if name in NEVER | WRITES or (name == "open" and any(set(each) & set("wax+") for each in mode[-1:])):
            yield name


SOURCES = sorted(
    path.relative_to(ROOT).as_posix() for room in ("src", "pipelines") for path in (ROOT / room).rglob("*.py")
)


@pytest.mark.parametrize("file", SOURCES)
def test_nothing_else_changes_files(file):
    found = set(changes(ROOT / file))
    if file in ("src/echo_rnn/files.py", "src/echo_rnn/compiled_programs.py"):
        return
    assert not found & NEVER
    assert not found or file in ALLOWED or found <= {"save"}, found


def test_every_exception_is_needed():
    assert [file for file in ALLOWED if not (ROOT / file).is_file() or not set(changes(ROOT / file))] == []


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("owned", [True, False])
def test_a_failed_writer_leaves_what_was_there_and_nothing_else(tmp_path, owned):
    place = tmp_path / "data" / "numbers.txt"
    files.write_text(place, "before")

    def fail():
        with files.replacing(place) as path:
            path.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        if owned:
            with files.owning(tmp_path):
                fail()
        else:
            fail()
    assert place.read_text() == "before"
    assert names(tmp_path) == ["data", "data/numbers.txt"]


def test_the_next_owner_removes_what_a_killed_one_left(tmp_path):
    for leftover in (".scratch/abc-config.yaml", "data/.scratch-abc/x.npy"):
        (tmp_path / leftover).parent.mkdir(parents=True)
        (tmp_path / leftover).write_text("half")
    (tmp_path / "data/x.npy").write_text("whole")
    with files.owning(tmp_path):
        pass
    assert names(tmp_path) == ["data", "data/x.npy"]


def test_no_owner_removes_what_a_living_process_makes(tmp_path):
    """A prediction into a folder of the project, while a stage begins there."""
    with files.replacing(tmp_path / "predictions" / "y.csv") as path:
        path.write_text("half")
        with files.owning(tmp_path):
            pass
        assert path.read_text() == "half"
    assert (tmp_path / "predictions/y.csv").read_text() == "half"


@pytest.mark.parametrize(
    ("fact", "value", "stays"),
    [
        ("machine", "00000000", True),  # nobody here can tell
        ("boot", "00000000", False),
        ("container", "00000000", True),
        ("pid", str(2**22 + 1), False),  # more than a system has
        ("ticks", "1", False),  # another process has the id now
    ],
)
def test_what_a_process_made_is_removed_when_it_has_ended_for_sure(tmp_path, fact, value, stays):
    facts = dict(zip(("machine", "boot", "container", "pid", "ticks"), signature().split("-"), strict=True))
    made = tmp_path / f"{files.SCRATCH}-{'-'.join((facts | {fact: value}).values())}-{'0' * 32}-y.csv"
    made.touch()
    files.remove_leftovers(tmp_path)
    assert made.exists() == stays


def test_a_hidden_process_of_another_user_may_be_alive(monkeypatch):
    """As with the option `hidepid` of a machine for many users."""

    def hidden(pid, number):
        raise PermissionError

    monkeypatch.setattr(os, "kill", hidden)
    assert environment.is_running(2**22 + 1, "1")
    monkeypatch.undo()
    assert not environment.is_running(2**22 + 1, "1")
    assert not environment.is_running(2**70, "1")


def test_a_process_of_which_nothing_is_told_may_be_alive(monkeypatch):
    def denied(process):
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "status", denied)
    pid = os.getpid()
    assert environment.is_running(pid, environment.start_ticks(pid))


@pytest.mark.parametrize("name", ["字" * 80 + ".csv", "a" * 250 + ".csv"])
def test_a_file_may_have_any_name_that_the_system_takes(tmp_path, name):
    files.write_text(tmp_path / name, "whole")
    assert names(tmp_path) == [name]


def test_a_program_may_have_any_name(tmp_path):
    program = tmp_path / "обучение_сети"
    program.symlink_to(sys.executable)
    code = "import sys, pathlib; from echo_rnn.files import write_text; write_text(pathlib.Path(sys.argv[1]), 'whole')"
    subprocess.run(
        [program, "-c", code, tmp_path / "x"], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert (tmp_path / "x").read_text() == "whole"


def test_what_a_zombie_made_is_removed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        made = tmp_path / f"{files.SCRATCH}-{signature(process.pid)}-{'0' * 32}-y.csv"
        made.touch()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # and leaves the zombie
        files.remove_leftovers(tmp_path)
    assert not made.exists()


def test_a_file_and_its_name_are_on_disk_before_what_follows(tmp_path, monkeypatch):
    happened = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor):
        happened.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def replaced(path, target):
        happened.append(("place", target.name))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    with files.owning(tmp_path), files.replacing_files(tmp_path, last="all.json") as scratch:
        for name in ("all.json", "b", "a"):
            (scratch / name).write_text(name)
    expected = [("sync", "a"), ("sync", "b"), ("sync", "all.json"), ("place", "a"), ("place", "b")]
    expected += [("sync", tmp_path.name), ("place", "all.json"), ("sync", tmp_path.name)]
    assert happened == expected


def test_what_cannot_be_removed_is_a_warning(tmp_path, monkeypatch, capsys):
    (tmp_path / "old").write_text("")
    monkeypatch.setattr(Path, "rename", lambda path, target: (_ for _ in ()).throw(PermissionError(13, "denied")))
    files.remove(tmp_path / "old")
    assert str(tmp_path / "old") in capsys.readouterr().err


def test_an_append_that_fails_leaves_what_was_there(tmp_path):
    with pytest.raises(UserError) as caught:
        files.append(Path("/dev/full"), b"x", durable=False)
    assert caught.value.code == "disk.full"
    files.append(tmp_path / "log", b"a", durable=True)
    files.append(tmp_path / "log", b"b", durable=False)
    assert (tmp_path / "log").read_bytes() == b"ab"
