"""Where the stages find and leave their files: the same tree in the project and in the folder of a Hydra job."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.environment import code_root
from echo_rnn.errors import UserError

PROJECT = Path(__file__).parents[3]
CONF = PROJECT / "conf"
PARAMS = PROJECT / "params.yaml"


def project_root() -> Path:
    """The project that owns the tracking store, the checkpoints and the records.

    DVC runs queued experiments in a temporary clone that it deletes, and names the original in `DVC_ROOT`.
    """
    named = os.environ.get("DVC_ROOT")
    return Path(named).resolve() if named else code_root()


@dataclass(frozen=True)
class Layout:
    """The files below one folder.

    Attributes:
        root: The project, or the output folder of a job.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The composed configuration, the only one that a stage reads."""
        return self.root / "build" / "config.yaml"

    @property
    def data(self) -> Path:
        """The series."""
        return self.root / "data"

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.root / "models"

    @property
    def checkpoints(self) -> Path:
        """What a training that was stopped goes on from; of a stage always in the project, since DVC deletes clones."""
        if self.root.is_absolute():
            return self.root / "checkpoints"
        project, here = project_root(), Path.cwd()
        if project == here:
            return self.root / "checkpoints"
        # Experiments in clones may run at once, and their names may be numbers, as those of checkpoints are.
        return project / "checkpoints" / "experiments" / os.environ.get("DVC_EXP_NAME", here.name)

    def shown(self, path: Path) -> str:
        """A path below `root` as it is seen from the project, so that no store names a folder of a machine."""
        return os.path.relpath(path, project_root()) if path.is_absolute() else path.as_posix()

    @property
    def records(self) -> Path:
        """The raw samples of the pipeline's own benchmark."""
        return self.root / "benchmarks" / "stage"

    @property
    def training(self) -> Path:
        """What training reports."""
        return self.root / "reports" / "training"

    @property
    def evaluation(self) -> Path:
        """What evaluation reports."""
        return self.root / "reports" / "evaluation"

    @property
    def benchmark(self) -> Path:
        """What the benchmark reports."""
        return self.root / "reports" / "benchmark"


STAGE = Layout(Path())
"""The layout of DVC's stages, which run in the project's root."""


def as_stage() -> Layout:
    """The layout for a program that is a stage and nothing else.

    Raises:
        UserError: There are arguments, which a stage would not heed.
    """
    if sys.argv[1:]:
        raise UserError(
            f"{Path(sys.argv[0]).name}: expected no arguments, since a stage reads {STAGE.config}, got "
            f"{' '.join(sys.argv[1:])}; change params.yaml, or use python -m pipelines.train",
            "stage.arguments",
        )
    return STAGE
