import os
import shutil
import signal

import pytest

from echo_rnn.tracking import open_store
from tests.tracking.servers import Server, find_free_port


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    """No setting of the person who runs the tests reaches a store, and none of a test reaches another test."""
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_"))]:
        monkeypatch.delenv(name)
    # open_store sets variables; setting them here first makes monkeypatch take them back.
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def prepared_database(tmp_path_factory):
    """A database with tables: creating them takes more than a second, and most tests are not about it."""
    folder = tmp_path_factory.mktemp("prepared")
    open_store(None, "another", folder)
    return folder / "mlflow.db"


@pytest.fixture
def store(prepared_database, tmp_path):
    shutil.copy(prepared_database, tmp_path / "mlflow.db")
    return open_store(None, "echo", tmp_path, note="about it")


@pytest.fixture
def client(store, tmp_path):
    """MLflow's own view of the store that `store` writes to."""
    from mlflow import MlflowClient  # noqa: PLC0415

    return MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")


@pytest.fixture
def free_port():
    return find_free_port()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of a real tracking server on loopback, shared by tests that leave it alone."""
    shared = Server(tmp_path_factory.mktemp("server"))
    shared.start()
    yield shared.address
    shared.end()


@pytest.fixture(scope="module")
def _restarted(tmp_path_factory):
    own = Server(tmp_path_factory.mktemp("own"))
    yield own
    own.end(signal.SIGKILL)


@pytest.fixture
def own_server(_restarted):
    """A real tracking server that a test may do anything to: it runs when the next test begins."""
    _restarted.back()
    return _restarted
