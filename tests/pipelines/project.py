"""A copy of the project, and commands run in it as a person runs them."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.errors import parse_line

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


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def stages(self):
        """The stages that ran."""
        return re.findall(r"Running stage '(\w+)'", self.out + self.err)

    @property
    def error(self):
        """The one line with which a command of ours refuses, as the error it was."""
        errors = [error for error in map(parse_line, self.err.splitlines()) if error]
        assert len(errors) == 1, self.err
        assert "Traceback" not in self.err
        return errors[0]

    @property
    def sentence(self):
        return str(self.error)

    @property
    def code_of_error(self):
        return self.error.code


@dataclass(frozen=True)
class Project:
    folder: Path

    def run(self, *command, seconds=600, **variables):
        """Runs a command in the project; what hangs is ended with all its children."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment() | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return Answer(process.returncode, out, err)

    def must(self, *command, **variables):
        answer = self.run(*command, **variables)
        assert answer.code == 0, f"{command}\n{answer.out}\n{answer.err}"
        return answer

    def stage(self, name, *arguments, **variables):
        """`python -m pipelines.NAME`."""
        return self.run("python", "-m", f"pipelines.{name}", *arguments, **variables)

    def copy(self, folder):
        shutil.copytree(self.folder, folder, symlinks=True)
        # Artifacts of runs are stored with absolute addresses; a copied store would point at the original.
        for made in folder.glob("mlflow.db*"):
            made.unlink()
        return Project(folder)

    def edit(self, file, old, new):
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.unlink()  # it may be a link into DVC's cache
        path.write_text(text.replace(old, new))

    def read(self, file):
        return (self.folder / file).read_bytes()

    def json(self, file):
        return json.loads(self.read(file))

    def made(self):
        """Everything that stages have written, by name."""
        folders = [self.folder / name for name in ("build", "data", "models", "reports", "benchmarks")]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}

    def runs(self, benchmark=False):
        """MLflow's own view of the runs of trainings, or of benchmarks, oldest first."""
        client = self.client()
        ids = [
            experiment.experiment_id
            for experiment in client.search_experiments()
            if experiment.name.endswith("-benchmark") == benchmark
        ]
        return client.search_runs(ids, order_by=["attributes.start_time ASC"])

    def client(self):
        from mlflow import MlflowClient  # noqa: PLC0415

        with contextlib.redirect_stderr(io.StringIO()):
            return MlflowClient(f"sqlite:///{self.folder}/mlflow.db")
