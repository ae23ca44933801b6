"""Where the stages find and leave their files: the same tree in the project and in the folder of a Hydra job."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from echo_rnn.command import show_help
from echo_rnn.environment import code_root
from echo_rnn.errors import UserError
from echo_rnn.stages.alone import alone

PROJECT = Path(__file__).parents[3]
CONF = PROJECT / "conf"
PARAMS = PROJECT / "params.yaml"
# In the project that `project_root` names: of networks of the store and on other datasets; of training steps and of
# whole processes beside peers.
EVALUATIONS = Path("outputs", "evaluations")
PEERS_RECORDS, PEERS_REPORT = Path("benchmarks", "peers"), Path("reports", "peers")


def project_root() -> Path:
    """The project that owns the tracking store, the checkpoints and the records.

    DVC runs queued experiments in a temporary clone that it deletes, and names the original in `DVC_ROOT`.
    """
    named = os.environ.get("DVC_ROOT")
    return Path(named).resolve() if named else code_root()


class Layout:
    """The files below one folder.

    Attributes:
        root: The project, or the output folder of a job.
        config: The composed configuration, the only one that a stage reads.
        data: The series.
        model: The trained network.
        records: The raw samples of the pipeline's own benchmark.
        training: What training reports.
        evaluation: What evaluation reports.
        benchmark: What the benchmark reports.
        profile: What TensorFlow's profiler records.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "build" / "config.yaml"
        self.data = root / "data"
        self.model = root / "models"
        self.records = root / "benchmarks" / "stage"
        self.training = root / "reports" / "training"
        self.evaluation = root / "reports" / "evaluation"
        self.benchmark = root / "reports" / "benchmark"
        self.profile = root / "profile"

    @property
    def checkpoints(self) -> Path:
        """What a stopped training resumes from; of a stage always in the project, since DVC deletes clones."""
        if self.root.is_absolute():
            return self.root / "checkpoints"
        project, here = project_root(), Path.cwd()
        if project == here:
            return self.root / "checkpoints"
        # Experiments in clones may run at once, and their names may be numbers, as those of checkpoints are.
        return project / "checkpoints" / "experiments" / os.environ.get("DVC_EXP_NAME", here.name)

    @contextmanager
    def owned(self, work: str) -> Iterator[None]:
        """Owns the root, and the checkpoints where they are elsewhere; see `alone`."""
        with alone(self.root, work), alone(self.checkpoints, work) if self._apart else nullcontext():
            yield

    @property
    def trained(self) -> list[Path]:
        """The files that a training has left."""
        return [path for folder in (self.model, self.training) for path in folder.rglob("*") if path.is_file()]

    @property
    def _apart(self) -> bool:
        return self.checkpoints.parent != self.root

    def shown(self, path: Path) -> str:
        """A path below `root` as it is seen from the project, so that no store names a folder of a machine."""
        return os.path.relpath(path, project_root()) if path.is_absolute() else path.as_posix()


STAGE = Layout(Path())
"""The layout of DVC's stages, which run in the project's root."""


def as_stage() -> Layout:
    """The layout for a program that is a stage and nothing else.

    Raises:
        UserError: There are arguments, which a stage would not heed.
    """
    show_help()
    if sys.argv[1:]:
        raise UserError(
            f"{Path(sys.argv[0]).name}: expected no arguments, since a stage reads {STAGE.config}, got "
            f"{' '.join(sys.argv[1:])}; change params.yaml, or use python -m pipelines.train",
            "stage.arguments",
        )
    return STAGE
