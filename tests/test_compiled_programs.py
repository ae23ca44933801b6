"""Compiled programs are kept privately, loaded only whole and only where they were made, and change no bit."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from echo_rnn import compiled_programs as module
from echo_rnn.compiled_programs import compiled_programs
from echo_rnn.errors import UserError

pytestmark = pytest.mark.xdist_group("programs")  # in one process, for its fixtures

NAME = "1__2__XLA_CPU_JIT.pb"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def opened(cache, threads=1, limit=0, **options):
    return compiled_programs(None if cache is None else str(cache), threads, limit, **options)


def keep(cache, name=NAME, content=b"code", **options):
    """As XLA does where it has compiled a program."""
    with opened(cache, **options) as programs:
        (programs.folder / name).write_bytes(content)


def found(cache, **options):
    with opened(cache, **options) as programs:
        return {path.name: path.read_bytes() for path in programs.folder.glob("*.pb")}


def kept(cache):
    return sorted(path for path in cache.glob("*/*.pb.*"))


def test_the_next_process_finds_what_one_has_compiled_and_only_its_own_folder_is_gone(cache):
    keep(cache)
    assert found(cache) == {NAME: b"code"}
    assert [path.name for path in cache.glob("*/*")] == [kept(cache)[0].name]


def test_what_is_compiled_and_not_loaded_is_counted(cache):
    keep(cache)
    with opened(cache) as programs:
        assert programs.compiled == 0
        (programs.folder / "other.pb").touch()
        assert programs.compiled == 1
    with opened(None) as programs:
        assert (programs.folder, programs.compiled) == (None, None)


def test_a_first_call_that_must_be_cold_finds_nothing_and_keeps_what_it_compiles(cache):
    assert found(cache, load=False) == {}
    keep(cache, load=False)
    assert found(cache, load=False) == {}
    assert found(cache) == {NAME: b"code"}


def test_it_is_kept_as_soon_as_it_is_asked_for_and_before_the_process_ends(cache):
    with opened(cache) as programs:
        (programs.folder / NAME).write_bytes(b"code")
        (programs.folder / f"{NAME}.123.tmp").write_bytes(b"co")  # being written
        programs.keep()
        assert found(cache) == {NAME: b"code"}


@pytest.mark.parametrize("options", [{"threads": 2}, {"limit": 100_000}], ids=str)
def test_other_facts_have_other_programs(cache, options):
    keep(cache)
    assert found(cache, **options) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("flags\t\t: ", "flags\t\t: quantum "),
        ("model name\t: ", "model name\t: Other "),
        ("Features\t: ", "Features\t: x "),
    ],
)
def test_programs_of_another_processor_are_never_loaded(cache, monkeypatch, tmp_path, old, new):
    described = (
        "processor\t: 0\nmodel name\t: One\nflags\t\t: fpu sse\nFeatures\t: fp\ncpu MHz\t\t: 1\n\nprocessor\t: 1\n"
    )
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(module, "CPUINFO", cpuinfo)
    cpuinfo.write_text(described)
    keep(cache)
    cpuinfo.write_text(described.replace("MHz\t\t: 1", "MHz\t\t: 2"))
    assert found(cache) == {NAME: b"code"}
    cpuinfo.write_text(described.replace(old, new))
    assert found(cache) == {}


def test_flags_and_versions_have_other_programs(cache, monkeypatch):
    keep(cache)
    with monkeypatch.context() as patch:
        patch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
        assert found(cache) == {}
    with monkeypatch.context() as patch:
        patch.setattr(module, "version", lambda name: "2.99")
        assert found(cache) == {}
    assert found(cache) == {NAME: b"code"}


def test_a_processor_that_is_not_known_has_no_cache(cache, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "nothing")
    with opened(cache) as programs:
        assert programs.folder is None


def flip(path):
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


def link(path):
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


DAMAGES = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"0"),
    "bit": flip,
    "no digest": lambda path: path.rename(path.with_suffix("")),
    "other name": lambda path: path.rename(path.with_name("x")),
    "link": link,
    "folder": lambda path: (path.unlink(), path.mkdir(), (path / "x").touch()),
    "others may write": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_not_whole_or_not_ours_is_removed_and_the_rest_is_found(cache, damage):
    keep(cache)
    (path,) = kept(cache)
    keep(cache, "other.pb", b"fine")
    damage(path)
    assert found(cache) == {"other.pb": b"fine"}
    assert [path.name[:8] for path in cache.glob("*/*")] == ["other.pb"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_loaded(cache):
    keep(cache)
    os.chown(kept(cache)[0], 12345, -1)
    assert found(cache) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("depth", [0, 1])
def test_a_folder_of_another_user_is_refused(cache, depth):
    keep(cache)
    os.chown([cache, kept(cache)[0].parent][depth], 12345, -1)
    with pytest.raises(UserError, match="user 12345") as refused, opened(cache):
        pass
    assert refused.value.code == "compile_cache.not_private"


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_can_use_is_refused(cache, mode):
    cache.mkdir()
    cache.chmod(mode)
    with pytest.raises(UserError) as refused, opened(cache):
        pass
    assert refused.value.code == "compile_cache.not_private"


def test_a_link_to_a_folder_is_refused(cache, tmp_path):
    (tmp_path / "target").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "target")
    with pytest.raises(UserError), opened(cache):
        pass


def test_folders_and_files_are_private_under_any_mask(cache):
    before = os.umask(0)
    try:
        keep(cache)
    finally:
        os.umask(before)
    for path in [cache, *cache.rglob("*")]:
        assert not path.lstat().st_mode & 0o077, path


@pytest.mark.parametrize("fails", ["a file", "full"])
def test_where_nothing_can_be_kept_a_note_says_so_and_the_work_is_done(cache, monkeypatch, capsys, fails):
    if fails == "a file":
        cache.parent.joinpath("file").touch()
        cache = cache.parent / "file" / "cache"
    else:
        usage = shutil.disk_usage(cache.parent)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1))
    with opened(cache) as programs:
        assert programs.folder is None
    assert capsys.readouterr().err.startswith("note: ")


def test_a_disk_that_fills_up_while_programs_are_kept_costs_nothing_else(cache, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with opened(cache) as programs:
        (programs.folder / NAME).write_bytes(b"code")
        monkeypatch.setattr(os, "link", full)
    assert kept(cache) == []


def test_the_oldest_are_removed_beyond_the_limit_whatever_their_facts(cache, monkeypatch):
    for age, (name, threads) in enumerate([("a.pb", 1), ("b.pb", 2), ("c.pb", 1)]):
        keep(cache, name, b"x" * 100, threads=threads)
        (path,) = (path for path in kept(cache) if path.name.startswith(name))
        os.utime(path, (age, age))
    monkeypatch.setattr(module, "MOST_BYTES", 250)
    with opened(cache):
        pass
    assert [path.name[0] for path in sorted(kept(cache), key=lambda path: path.name)] == ["b", "c"]


def test_a_killed_process_leaves_a_folder_that_the_next_one_removes_and_that_of_a_live_one_stays(cache):
    code = f"""
import os, signal
from echo_rnn.compiled_programs import compiled_programs
with compiled_programs({str(cache)!r}, 1, 0) as programs:
    (programs.folder / "x.pb").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with opened(cache) as live:
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
        assert len(list(cache.glob("*/process-*"))) == 2
        assert found(cache) == {}
        assert [path for path in cache.glob("*/process-*")] == [live.folder]


def test_several_processes_at_once_keep_all_that_they_compile(cache):
    with opened(cache) as one, opened(cache) as two:
        for programs, own in ((one, "one.pb"), (two, "two.pb")):
            (programs.folder / NAME).write_bytes(b"code")
            (programs.folder / own).write_bytes(own.encode())
    assert found(cache) == {NAME: b"code", "one.pb": b"one.pb", "two.pb": b"two.pb"}


def test_what_a_process_has_found_stays_when_another_one_removes_it(cache):
    keep(cache)
    with opened(cache) as programs:
        kept(cache)[0].unlink()
        assert (programs.folder / NAME).read_bytes() == b"code"


TRAINS = """
import sys
from pathlib import Path
from echo_rnn.compiled_programs import compiled_programs
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.errors import one_sentence

with one_sentence(), compiled_programs(sys.argv[1] or None, 1, 0) as programs:
    start_tensorflow(1, compiled_programs=programs.folder)
    import numpy as np
    import tensorflow as tf
    for _ in range(int(sys.argv[2])):  # another process has done other things before
        tf.constant(1) + tf.constant(2)
    from echo_rnn.benchmark.measure.shape import Shape
    from echo_rnn.benchmark.measure.workload import Program, draw_data
    from echo_rnn.core.strategies import get_strategy
    shape = Shape("lstm", 2, 3, 2, 4, 1, "float32", "xla", 1)
    program = Program(shape, get_strategy("dynamic").load(), draw_data(shape, 0), 0)
    program.prepare()
    losses = program.run("train", 20)
    weights = program.learner.snapshot().weights
    print(programs.compiled, losses.tobytes().hex(), *(array.tobytes().hex() for array in weights))
"""


def trained(cache, steps_before=0):
    command = [sys.executable, "-c", TRAINS, str(cache or ""), str(steps_before)]
    ours = ("TF_CPP_MIN_LOG_LEVEL", "XLA_FLAGS")  # with flags of a person TensorFlow's own lines are shown
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert answer.stderr == ""
    compiled, *bits = answer.stdout.split()
    return compiled, bits


@pytest.fixture(scope="module")
def uncached():
    return trained(None)[1]


@pytest.fixture(scope="module")
def filled(tmp_path_factory, uncached):
    cache = tmp_path_factory.mktemp("filled") / "cache"
    compiled, bits = trained(cache)
    assert int(compiled) >= 2
    assert bits == uncached
    return cache


@pytest.mark.slow
def test_a_process_with_another_history_loads_all_programs_to_the_same_bits_in_silence(filled, uncached):
    assert trained(filled, steps_before=7) == ("0", uncached)


@pytest.mark.slow
def test_a_training_over_damaged_programs_compiles_to_the_same_bits(filled, uncached, tmp_path):
    cache = Path(shutil.copytree(filled, tmp_path / "cache"))
    for path, damage in zip(kept(cache), itertools.cycle(["cut", "empty", "bit"])):
        DAMAGES[damage](path)
    compiled, bits = trained(cache)
    assert int(compiled) >= 2
    assert bits == uncached
