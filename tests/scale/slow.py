"""A sweep that is at work for as long on any machine, since it waits in place of computing; and what it leaves."""

from tests.pipelines.lives import numbers, until
from tests.pipelines.sweeping import folder_of, sweep

SLOW = (
    *("experiment=debug", "trainer.epochs=4", "trainer.compile=none", "runtime.threads=1"),
    *("model=custom", "model.layers=1", "model.path=tests.pipelines.unlucky_cells:Slow"),
)


def slow(*arguments):
    return sweep(*SLOW, *arguments)


def saved(project, job):
    """The newest checkpoint of a job of the only sweep; -1 where there is none."""
    places = (project.folder / "multirun").glob(f"*/*/{job}/checkpoints")
    return max((number for place in places for number in numbers(place)), default=-1)


def until_trained(project, *jobs, more=-1):
    """Waits until each of these jobs has a checkpoint, and with it a run."""
    until(lambda: all(saved(project, job) > more for job in jobs))


def trained(runs):
    """The seeds of runs that ended well; there are no others."""
    assert {run.info.status for run in runs} == {"FINISHED"}
    return sorted(run.data.params["seed"] for run in runs if "test/accuracy" in run.data.metrics)


def weights(project):
    """The trained weights of each job."""
    return {path.parents[1].name: path.read_bytes() for path in folder_of(project).glob("*/models/weights.npz")}
