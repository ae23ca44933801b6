"""Fixtures of the tests with real daemons."""

import contextlib
import os
import signal

import pytest
from mlflow import MlflowClient

from tests.pipelines.conftest import finished, fresh, once, unused  # noqa: F401
from tests.scale.running import _running, running  # noqa: F401
from tests.scale.slow import slow, weights
from tests.tracking.servers import Server


@pytest.fixture(scope="session")
def unbroken(fresh, tmp_path_factory):  # noqa: F811
    """The weights of two seeds of the slow sweep that were trained without a break."""
    project = fresh.copy(tmp_path_factory.mktemp("unbroken") / "echo")
    project.must(*slow("hydra/launcher=joblib", "seed=0,1"))
    return weights(project)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A tracking server, as jobs on several machines need one."""
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.end()


class Tracked:
    """An experiment on a server: the settings of a sweep, and its runs."""

    def __init__(self, server, experiment):
        self.settings = ("tracking=server", f"tracking.uri={server.address}", f"tracking.experiment={experiment}")
        self._client, self._experiment = MlflowClient(server.address), experiment

    def runs(self):
        return self._client.search_runs([self._client.get_experiment_by_name(self._experiment).experiment_id])


@pytest.fixture
def tracked(server, request):
    return Tracked(server, request.node.originalname)


@pytest.fixture
def started():
    """Starts commands in a project; what is left of them at the end is killed."""
    processes = []

    def start(project, *command, **variables):
        processes.append(project.start(*command, **variables))
        return processes[-1]

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
