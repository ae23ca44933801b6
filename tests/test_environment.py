"""Facts of machine, code and process are complete, and name no machine."""

import os
import platform
import subprocess

import psutil
import pytest

from echo_rnn import environment


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        answer = subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True, text=True
        )
        return answer.stdout.strip()

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("1\n")
    (tmp_path / "report.json").write_text("{}\n")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    return tmp_path, git("rev-parse", "HEAD")


def test_an_unchanged_repository_is_clean(repository):
    folder, commit = repository
    assert environment.git(folder) == {"git.commit": commit, "git.dirty": "false"}


@pytest.mark.parametrize("file", ["src/code.py", "src/new.py", "params.yaml"])
def test_changed_and_new_code_is_dirty(repository, file):
    folder, commit = repository
    (folder / file).write_text("2\n")
    assert environment.git(folder) == {"git.commit": commit, "git.dirty": "true"}


def test_a_rewritten_report_is_not_dirty(repository):
    folder, commit = repository
    (folder / "report.json").unlink()
    assert environment.git(folder) == {"git.commit": commit, "git.dirty": "false"}


def test_outside_a_repository_nothing_is_known(tmp_path):
    assert environment.git(tmp_path) == {}


def test_facts_are_text_and_name_no_machine(monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "gawsy-wife")
    facts = environment.facts()
    assert all(isinstance(value, str) and value for value in facts.values())
    assert {"hardware.cpu", "hardware.cores", "hardware.memory_gib", "version.python", "process.host"} <= set(facts)
    assert facts["dvc.experiment"] == "gawsy-wife"
    assert not any(platform.node() in value for name, value in facts.items() if not name.startswith("version."))


def test_times_on_other_threads_or_flags_are_those_of_another_machine(monkeypatch):
    def machine(threads):
        return environment.machine({"runtime.threads": threads} | environment.arithmetic())

    one = machine("1")
    assert one == machine("1")
    assert (one["threads"], machine("2")["threads"]) == ("1", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert len({one["fingerprint"], machine("1")["fingerprint"], machine("2")["fingerprint"]}) == 3


def test_a_process_is_identified_by_its_facts():
    found = environment.process()
    assert psutil.Process(int(found["process.pid"])).create_time() == pytest.approx(
        float(found["process.start"]), abs=0.01
    )
    assert found["process.pid"] == str(os.getpid())
    assert found["process.host"] == environment.process()["process.host"]
