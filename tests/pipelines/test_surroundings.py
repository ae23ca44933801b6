"""What surrounds a command changes neither its bits nor its end: settings of libraries, of git, of the terminal."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """What a notebook, a proxy, another repository, and people's own settings leave in the environment."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "keras.json").write_text('{"floatx": "float64", "epsilon": 0.1, "backend": "jax"}')
    (folder / "matplotlibrc").write_text("figure.dpi: 20\nfont.size: 40\n")
    (folder / "gitconfig").write_text("[status]\n\tshowUntrackedFiles = no\n")
    other = folder / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    return {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": str(folder / "matplotlibrc"),
        "KERAS_HOME": str(folder),
        "KERAS_BACKEND": "jax",
        "GIT_DIR": str(other / ".git"),
        "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        "PYTHONIOENCODING": "ascii",
        "http_proxy": "http://127.0.0.1:9",
    }


def test_settings_of_libraries_of_git_and_of_the_terminal_change_nothing(unused, hostile):
    (unused.folder / "pipelines/more.py").write_text("")
    for name, variables in (("plain", {}), ("hostile", hostile)):
        answer = unused.stage("train", "experiment=debug", f"hydra.run.dir={name}", afresh=True, **variables)
        assert answer.code == 0, answer.err
    for file in ("models/weights.npz", "reports/training/curves.png", "reports/evaluation/media/echo.png"):
        assert unused.read(f"plain/{file}") == unused.read(f"hostile/{file}"), file
    for tag in ("git.commit", "git.dirty"):
        plain, other = (run.data.tags[tag] for run in unused.runs())
        assert plain == other, tag
    assert plain == "true"


def test_a_death_inside_tensorflow_says_why(unused):
    answer = unused.stage("train", "experiment=debug", afresh=True, XLA_FLAGS="--no_such_flag")
    assert answer.code not in (0, None)
    assert "no_such_flag" in answer.err


def test_make_works_in_a_folder_with_a_space(unused, tmp_path):
    project = unused.copy(tmp_path / "my project")
    (project.folder / ".venv").symlink_to(os.fspath(unused.folder.parent))
    answer = project.run("make", "-n", "run", PYTHONSAFEPATH="1")
    assert answer.code == 0
    assert f'"{project.folder}/.venv/bin"/dvc' in answer.out


NOBODY = "54321"  # a number that no system gives to a user
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    # The environment of the tests may lie in root's own folders: all may be read, and what is theirs be written.
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
    "env",
    "-u",
    "USER",
    "-u",
    "LOGNAME",
    "-u",
    "XDG_CACHE_HOME",  # that of the tests
)


@pytest.fixture
def theirs(finished):
    """The finished project in a folder of a user without an entry on the system, as in a container."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root may start a process as another user, with setpriv")
    reads = [*AS_NOBODY, sys.executable, "-c", "import echo_rnn, tensorflow"]
    if subprocess.run(reads, check=False, capture_output=True).returncode:
        pytest.skip("the environment of the tests cannot be read by other users")
    folder = Path(tempfile.mkdtemp())  # that of pytest is the user's own
    project = finished.copy(folder / "echo")
    (project.folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    for path in (folder, *folder.rglob("*")):
        os.chown(path, int(NOBODY), int(NOBODY), follow_symlinks=False)
    yield project
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_user_without_an_entry_on_the_system(theirs):
    answer = theirs.run(*AS_NOBODY, "HOME=/", "make", "-o", ".venv/installed", "run")
    assert answer.code == 0, answer.err
    answer = theirs.run(*AS_NOBODY, "-u", "HOME", "python", "-m", "pipelines.train", "experiment=debug")
    assert answer.code == 0, answer.err
    (run,) = theirs.runs()
    assert run.info.status == "FINISHED"
