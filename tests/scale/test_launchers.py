"""The commands of docs/scaling.md: the same sweep by every launcher gives the same numbers, to the bit."""

import json
import re
from pathlib import Path

import pytest

from tests.pipelines.sweeping import folder_of
from tests.scale import ray, slurm

pytestmark = pytest.mark.scale

PAGE = (Path(__file__).parents[2] / "docs/scaling.md").read_text()
LINES = PAGE.replace("\\\n", "")
FOUND = re.findall(r"^\S*python -m pipelines\.train -m hydra/launcher=(\w+) (.+)$", LINES, flags=re.MULTILINE)
COMMANDS = dict(reversed(FOUND))  # the first of each
# Through the door that the README names for one's own settings.
SMALL = "trainer: {epochs: 1, window: 10, compile: graph}\ntask: {series_length: 1500}\n"


def outcome(project):
    """What decides a job's result, by its seed: metrics, weights and losses."""
    found = {}
    for job in folder_of(project).glob("[0-9]*"):
        result = json.loads((job / "result.json").read_text())
        files = [(job / name).read_bytes() for name in ("models/weights.npz", "reports/training/validation.csv")]
        (seed,) = (word for word in result["overrides"] if word.startswith("seed="))
        found[seed] = result["metrics"], files
    return found


def small(project):
    (project.folder / "conf/local").mkdir()
    (project.folder / "conf/local/default.yaml").write_text(SMALL)
    return project


def run(project, launcher, server, **variables):
    python = ray.PYTHON if launcher.startswith("ray") else "python"
    more = COMMANDS[launcher].replace("http://SERVER:5000", server.address).split()
    return project.must(python, "-m", "pipelines.train", "-m", f"hydra/launcher={launcher}", *more, **variables)


@pytest.fixture(scope="module")
def one_by_one(fresh, tmp_path_factory):
    project = small(fresh.copy(tmp_path_factory.mktemp("basic") / "echo"))
    project.must("python", "-m", "pipelines.train", "-m", *COMMANDS["joblib"].split())
    return outcome(project)


def by_slurm(project, launcher, server):
    with slurm.running() as cluster:
        run(project, launcher, server, **cluster.variables)


def by_ray_cluster(project, launcher, server):
    with ray.running(project.folder) as cluster:
        run(project, launcher, server, **cluster.variables)


LAUNCHERS = [
    pytest.param("joblib", run, id="joblib"),
    pytest.param("submitit_local", run, id="submitit_local"),
    pytest.param("slurm", by_slurm, id="slurm", marks=slurm.NEEDED),
    pytest.param("ray", run, id="ray", marks=ray.NEEDED),
    pytest.param("ray_cluster", by_ray_cluster, id="ray_cluster", marks=ray.NEEDED),
]


def test_every_launcher_of_the_page_is_tried():
    assert set(COMMANDS) == {case.values[0] for case in LAUNCHERS}


@pytest.mark.parametrize(("launcher", "how"), LAUNCHERS)
def test_a_sweep_gives_the_same_bits_by_every_launcher(unused, one_by_one, server, launcher, how):
    how(small(unused), launcher, server)
    found = outcome(unused)
    assert sorted(found) == ["seed=0", "seed=1", "seed=2", "seed=3"]
    assert found == one_by_one
