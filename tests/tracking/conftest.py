import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from echo_rnn.tracking import open_store


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
    return open_store(None, "echo", tmp_path)


@pytest.fixture
def client(store, tmp_path):
    """MLflow's own view of the store that `store` writes to."""
    from mlflow import MlflowClient  # noqa: PLC0415

    return MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")


@pytest.fixture
def free_port():
    return find_free_port()


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def await_answer():
    """Reads an address as soon as somebody answers there."""

    def read(url, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(url, timeout=1) as answer:
                    return answer.read()
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    return read


@pytest.fixture(scope="session")
def server(tmp_path_factory, await_answer):
    """A real tracking server on loopback; yields its address."""
    folder, port = tmp_path_factory.mktemp("server"), find_free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--workers", "1"]
    command += ["--artifacts-destination", str(folder / "served")]
    variables = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_answer(f"{address}/health", 60)
        yield address
    finally:
        process.terminate()
        process.wait()
