"""Starts the commands of the project, in processes of their own that tests may signal, kill and wait for.

`python -m pipelines.…`, or a `program`, starts in a fork of `tests.fork_server`, which has imported TensorFlow, Keras,
MLflow, Hydra, Matplotlib and SciPy: 0.1 s in place of 5. It is a process with its own number, session, working
directory, environment, descriptors, exit code and end of the interpreter. What differs from a fresh process:

- imports of those libraries cannot fail and take no time, and settings that they read while they are imported are those
  of the process that runs the tests; a command whose environment differs in one of them is started afresh;
- whether the project keeps a library out of a command cannot be seen, nor what happens to a signal during imports;
- forks of a test process share the seed of string hashes and the layout of addresses;
- the command line that the system shows is the server's, its parent is the server and not the test, and tracebacks
  begin with frames of the server;
- MLflow knows already which package has which module, as it finds out once in each process.

Tests about these start the command `afresh`. Every other command (`dvc`, `make`, `python -c`), and all children of
commands, are what they are for a person.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

from echo_rnn.forked import Forked, ForkServer
from tests.fork_server import SETTINGS

ROOT = Path(__file__).parents[1]

# Nothing of the person's own settings of git: they may sign commits, or run hooks.
IDENTITY = {
    **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    **{"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
}

# Of the person, of DVC, of scikit-learn, of the `make` that runs the tests, which would make another one speak, and
# what colours or lengthens what is said.
FOREIGN = (
    *("MLFLOW_", "DVC_", "GIT_", "KMP_", "MAKE", "MFLAGS"),
    *("FORCE_COLOR", "CLICOLOR", "TTY_", "HYDRA_", "PYTHONWARNINGS", "PYTHONDEVMODE"),
)


def environment():
    """What a person has who types a command in the project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    path = os.pathsep.join([os.fspath(Path(sys.executable).parent), os.environ["PATH"]])
    return kept | IDENTITY | {"PATH": path, "COLUMNS": "200"}


# What interpreter and libraries read when they start or are imported.
READ_EARLY = (
    *("PYTHON", "LD_", "LC_", "LANG", "HOME", "OMP_", "MKL_", "OPENBLAS_", "MALLOC_", "GLIBC_"),
    *("TF_", "XLA_", "KERAS_", "MLFLOW_", "MPL", "MATPLOTLIB", "CUDA_", "KMP_"),
)


BEFORE = environment()
"""Before any test changes it."""


def start(command, folder, variables, *, afresh=False, **pipes):
    """Starts a command in a session of its own.

    Args:
        command: Its words.
        folder: Where it runs.
        variables: Its whole environment.
        afresh: Whether it must be a fresh process; see above.
        pipes: As `subprocess.Popen` takes them.
    """
    is_known = list(command[:2]) == ["python", "-m"] and command[2].startswith(("pipelines.", "tests.program"))
    options = {"cwd": folder, "env": variables, "start_new_session": True, **pipes}
    if is_known and not afresh and _early(variables) == _early(BEFORE):
        return Forked(_server(), command, **options)
    return subprocess.Popen(command, **options)


def _early(variables):
    # A test process that has imported TensorFlow, too, has some of the server's own settings.
    early = {name: value for name, value in variables.items() if name.startswith(READ_EARLY)}
    return {name: value for name, value in early.items() if SETTINGS.get(name) != value}


def program(code, *arguments, **pipes):
    """Starts Python code as `python -c` does, in a fork, without settings of a person."""
    command = ["python", "-m", "tests.program", code, *map(str, arguments)]
    return start(command, ROOT, environment(), text=True, **pipes)


@functools.cache
def _server():
    return ForkServer([sys.executable, str(ROOT / "tests/fork_server.py")], BEFORE)
