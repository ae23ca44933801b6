"""Where the stages find and leave their files: the same tree in the project and in the folder of a Hydra job."""

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
CONF = PROJECT / "conf"
PARAMS = PROJECT / "params.yaml"


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
    def last_good(self) -> Path:
        """The variables before a training went bad; outside what DVC deletes before it reruns a stage."""
        return self.root / "checkpoints" / "last_good.npz"

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
