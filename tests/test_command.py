"""`echo-rnn` finds the commands of the project from any folder, and a person is told where something is missing."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from omegaconf import OmegaConf

from echo_rnn import command, environment
from pipelines.job import override
from tests.refusals import refused

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def typed(monkeypatch, tmp_path):
    """Sets what was typed in a folder that is no project."""
    monkeypatch.chdir(tmp_path)

    def typed(*words, line=""):
        monkeypatch.setattr(sys, "argv", ["echo-rnn", *words])
        monkeypatch.setenv("COMP_LINE", line)

    return typed


def test_every_command_is_listed_with_what_it_does(typed, capsys):
    typed("--help")
    command.main()
    lines = capsys.readouterr().out.splitlines()[2:]
    files = {path.stem for path in (PROJECT / "pipelines").glob("*.py") if "__main__" in path.read_text()}
    assert {line.split()[0] for line in lines} == files
    assert all(len(line.split()) > 3 for line in lines)


def test_completion_of_commands_and_of_options(typed, capsys):
    typed("-sc", "query=bash", line="echo-rnn tr")
    command.main()
    assert "train" in capsys.readouterr().out.split()
    typed("-sc", "query=bash", line="echo-rnn ui 50")
    command.main()
    assert capsys.readouterr() == ("", "")
    variables = os.environ | {"COMP_LINE": "echo-rnn train unroll=wave"}
    words = [sys.executable, "-c", "from echo_rnn.command import main; main()", "-sc", "query=bash"]
    answer = subprocess.run(words, cwd=PROJECT, env=variables, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["unroll=wavefront", "unroll=wavefront_deferred"]


def test_an_unknown_command_is_refused(typed):
    typed("trian")
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2


def test_outside_a_project_the_installed_package_says_what_it_has(typed, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "__file__", str(tmp_path / "site-packages/echo_rnn/command.py"))
    with refused("command.no_project", tmp_path):
        command._commands()


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_a_file_that_an_editor_runs_by_its_path(name, tmp_path):
    words = [sys.executable, str(PROJECT / f"pipelines/{name}.py"), "--help"]
    answer = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout.startswith(f"Stage `{name}`")


FILES = sorted(path.name for path in (PROJECT / "pipelines").glob("*.py"))
STAND_IN = "pipelines.py"  # for the package, where another file is run by its path


@pytest.mark.parametrize(
    "start", [["-m", "pipelines.compose"], *([f"pipelines/{name}"] for name in FILES if name != STAND_IN)]
)
def test_outside_the_environment_a_sentence_names_it(start):
    # Without `site` nothing that is installed is found.
    answer = subprocess.run([sys.executable, "-S", *start], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error[environment.outside]")


def test_the_command_of_a_run_holds_no_path_of_the_machine(monkeypatch):
    for words, shown in (
        (["/usr/bin/python", "-m", "pipelines.train", "seed=1"], "python -m pipelines.train seed=1"),
        (["/usr/bin/python", "/home/me/.venv/bin/echo-rnn", "train"], "echo-rnn train"),
        (["/usr/bin/python", "/home/me/pipelines/train.py", "a b"], "python train.py 'a b'"),
    ):
        monkeypatch.setattr(sys, "orig_argv", words)
        assert environment.command() == shown


@pytest.mark.parametrize(
    "name",
    ["outputs/a", "my run", "a,b", "a=b", "it's", "{a}", "[a]", "a\\", "a\\'b", "ü", "(a)", "${a}", "a#b", "~a", '"'],
)
def test_a_printed_command_names_any_folder(name):
    words = shlex.split(shlex.join([override("hydra.run.dir", Path(name))]))
    (found,) = OverridesParser.create().parse_overrides(words)
    assert not found.is_sweep_override()
    value = found.value()
    text = value.text if isinstance(value, QuotedString) else value
    assert OmegaConf.create({"dir": text})["dir"] == name


@pytest.mark.parametrize("printed", [10, 10**6])
def test_a_reader_that_has_gone_ends_a_command_without_a_word(printed):
    code = f"from echo_rnn.errors import one_sentence\nwith one_sentence():\n    print('x' * {printed})"
    reader, writer = os.pipe()
    os.close(reader)
    answer = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (answer.returncode, answer.stderr) == (128 + signal.SIGPIPE, b"")
