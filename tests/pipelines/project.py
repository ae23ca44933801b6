"""A copy of the project, and commands run in it as a person runs them."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.errors import parse_line
from tests.processes import environment, start


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

    def run(self, *command, seconds=600, afresh=False, **variables):
        """Runs a command in the project; what hangs is ended with all its children."""
        process = self.start(*command, afresh=afresh, **variables)
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return Answer(process.returncode, out, err)

    def start(self, *command, afresh=False, stderr=subprocess.PIPE, **variables):
        """Starts a command in the project; `afresh` as `tests.processes.start` has it."""
        return start(
            command,
            self.folder,
            environment() | variables,
            afresh=afresh,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def must(self, *command, **variables):
        answer = self.run(*command, **variables)
        assert answer.code == 0, f"{command}\n{answer.out}\n{answer.err}"
        return answer

    def stage(self, name, *arguments, afresh=False, **variables):
        """`python -m pipelines.NAME`."""
        return self.run("python", "-m", f"pipelines.{name}", *arguments, afresh=afresh, **variables)

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
