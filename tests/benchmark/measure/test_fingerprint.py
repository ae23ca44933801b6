"""The fingerprint changes with what changes a measurement, and with nothing else."""

import re
import shutil
from importlib import metadata

import pytest

from echo_rnn import environment
from echo_rnn.benchmark.measure import fingerprint as module
from echo_rnn.benchmark.measure.fingerprint import environment_facts, fingerprint


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package") / "echo_rnn"
    shutil.copytree(module._PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_it_is_twelve_digits_and_the_same_for_the_same_code_wherever_it_is(package):
    assert re.fullmatch("[0-9a-f]{12}", fingerprint())
    assert fingerprint(package) == fingerprint(package)
    (package / "core" / "cells" / "__pycache__").mkdir(exist_ok=True)
    (package / "core" / "cells" / "__pycache__" / "lstm.cpython.pyc").write_bytes(b"compiled")
    assert fingerprint(package) == fingerprint()


@pytest.mark.parametrize(
    "file",
    [
        *(
            "core/cells/lstm.py",
            "core/unroll/static.py",
            "core/windows/loop.py",
            "training/learner.py",
            "benchmark/measure/timing.py",
        ),
        *("core/model.py", "core/compilation.py"),
    ],
)
def test_it_changes_with_the_code_that_is_measured(package, file):
    before, text = fingerprint(package), (package / file).read_text()
    (package / file).write_text(text + "\n")
    assert fingerprint(package) != before
    (package / file).write_text(text)
    assert fingerprint(package) == before


def test_it_changes_with_a_new_file_and_with_a_name(package):
    before = fingerprint(package)
    (package / "core" / "unroll" / "other.py").write_text("")
    changed = fingerprint(package)
    (package / "core" / "unroll" / "other.py").rename(package / "core" / "unroll" / "another.py")
    assert len({before, changed, fingerprint(package)}) == 3
    renamed = fingerprint(package)
    (package / "core" / "unroll" / "another.py").rename(package / "core" / "cells" / "another.py")
    assert fingerprint(package) not in (before, renamed)
    (package / "core" / "cells" / "another.py").unlink()


@pytest.mark.parametrize("name", ["errors.py", "stages/layout.py", "benchmark/report/words.py"])
def test_it_does_not_change_with_other_code_of_the_package(package, name):
    before, file = fingerprint(package), package / name
    file.write_text(file.read_text() + "\n")
    assert fingerprint(package) == before


def test_with_peers_it_changes_with_their_programs_and_with_those_that_can_take_part(tmp_path):
    def own(*found):
        return fingerprint(programs=tmp_path, found=found)

    (tmp_path / "loop.c").write_text("int main() {}")
    neither = own(False, None)
    assert own(False, None) == neither != fingerprint()
    assert len({neither, own(True, None), own(True, "cc")}) == 3
    (tmp_path / "loop.c").write_text("int main() { return 1; }")
    assert own(False, None) != neither


def test_it_changes_with_libraries_machine_and_flags(monkeypatch):
    before = fingerprint()
    with monkeypatch.context() as patch:
        patch.setattr(environment, "version", lambda name: "0" if name == "keras" else metadata.version(name))
        assert fingerprint() != before
    with monkeypatch.context() as patch:
        patch.setattr(environment, "hardware", lambda: {"hardware.cpu": "other", "hardware.cores": "2"})
        assert fingerprint() != before
    with monkeypatch.context() as patch:
        patch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
        assert fingerprint() != before
        assert environment_facts()["flag.XLA_FLAGS"] == "--xla_cpu_enable_fast_math=true"


def test_it_does_not_change_with_what_tensorflow_says_or_with_other_variables(monkeypatch):
    before = fingerprint()
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    monkeypatch.setenv("SOMETHING", "else")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "of Terraform")
    # Set by scikit-learn when it is imported: the process that plans has done so, or has not yet.
    monkeypatch.setenv("KMP_INIT_AT_FORK", "FALSE")
    monkeypatch.delenv("KMP_DUPLICATE_LIB_OK", raising=False)
    assert fingerprint() == before
    assert "flag.SOMETHING" not in environment_facts()
