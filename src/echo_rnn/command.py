"""The command `echo-rnn`: the commands of `pipelines/` from any folder, with help, and with Hydra's tab completion.

    echo-rnn train unroll=static            python -m pipelines.train unroll=static, in the project
    eval "$(echo-rnn train -sc install=bash)"

The project is the nearest folder with `dvc.yaml` from the current one upwards, or the one that this package lies in.
"""

import ast
import os
import runpy
import sys
from pathlib import Path

from echo_rnn.errors import UserError, one_sentence

_HELP = (["--help"], ["-h"])
_COMPLETION = "-sc"
_HYDRA = "run_composed"  # what a command calls that Hydra composes
_MAIN = '__name__ == "__main__"'


def main() -> None:
    """Runs a command as `python -m pipelines.NAME` does."""
    with one_sentence():
        commands = _commands()
        if _completes(commands):
            return
        name, *arguments = sys.argv[1:] or ["--help"]
        if [name] in _HELP:
            width = max(map(len, commands))
            print("echo-rnn COMMAND …; each has --help\n")
            for command, file in commands.items():
                print(f"  {command:{width}}  {_summary(file)}")
            return
        if name not in commands:
            raise UserError(f"echo-rnn: expected one of {', '.join(commands)}, got {name!r}", "command.unknown")
        project = commands[name].parents[1]
        sys.path.insert(0, str(project))
        # Files that a person names are where that person is.
        if name != "predict":
            os.chdir(project)
        sys.argv = [sys.argv[0], *arguments]
    runpy.run_module(f"pipelines.{name}", run_name="__main__", alter_sys=_COMPLETION not in arguments)


def show_help(options: str = "") -> None:
    """Where a command was asked for help, prints its docstring and `options`, and ends it."""
    if sys.argv[1:] in _HELP:
        print(f"{sys.modules['__main__'].__doc__ or ''}{options}".rstrip())
        raise SystemExit(0)


def _commands() -> dict[str, Path]:
    here = Path.cwd()
    places = [folder for folder in (here, *here.parents) if (folder / "dvc.yaml").is_file()]
    for project in (*places, Path(__file__).parents[2]):
        files = sorted((project / "pipelines").glob("*.py"))
        if found := {file.stem: file for file in files if _MAIN in file.read_text(encoding="utf-8")}:
            return found
    raise UserError(
        f"echo-rnn: expected a copy of the project's repository in {here} or above it, got none; the installed package "
        "has `Unrolled` and trained networks only",
        "command.no_project",
    )


def _summary(file: Path) -> str:
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return doc.partition("\n")[0]


def _completes(commands: dict[str, Path]) -> bool:
    """Answers a shell that asks what may come next, as far as that is a command; Hydra answers for the rest."""
    if sys.argv[1:2] != [_COMPLETION]:
        return False
    program, *words = os.environ.get("COMP_LINE", "").split(" ")
    if len(words) < 2 or words[0] not in commands:
        print(" ".join(commands))
        return True
    if _HYDRA not in commands[words[0]].read_text(encoding="utf-8"):
        return True
    os.environ["COMP_LINE"] = " ".join([program, *words[1:]])
    sys.argv.insert(1, words[0])
    return False
