"""MLflow's pages on the project's own store, for this machine only."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from echo_rnn.errors import UserError, termination_raises
from echo_rnn.tracking import open_store
from echo_rnn.tracking.address import Address, comparison_link, fault_of, resolve
from echo_rnn.tracking.client import SETTINGS

HOST, PORT = "127.0.0.1", 5000
START_SECONDS = 60


def serve_ui(uri: str | None, experiment: str, root: Path, port: int = PORT) -> None:
    """Serves the pages until Ctrl-C; prints the link to the comparison of all runs once they answer.

    A tracking server has its own pages, so that nothing is started for it, and only the link is printed.

    Raises:
        UserError: The address is not valid, the port is taken, or the pages do not start.
    """
    address = resolve(uri, root)
    experiment_id = open_store(uri, experiment, root).experiment_id
    if address.database is None:
        print(f"runs: {comparison_link(address.uri, experiment_id)}", flush=True)
        return
    _require_free(port)
    with termination_raises(), _server(address, port) as server:
        base = f"http://{HOST}:{port}"
        _wait_for_answer(server, base)
        print(f"runs: {comparison_link(base, experiment_id)}\nCtrl-C ends the pages.", flush=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            return
        raise UserError(f"MLflow's pages ended with exit code {server.returncode}; see the lines above", "ui.ended")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # Without this a port that was used a minute ago counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"port {port} cannot be used ({error.strerror}); choose another one: make ui PORT={port + 1}",
                "ui.port_taken",
            ) from None


@contextmanager
def _server(address: Address, port: int) -> Iterator[subprocess.Popen[bytes]]:
    hosts = f"{HOST}:{port},localhost:{port}"
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", address.uri]
    command += ["--registry-store-uri", address.uri]
    command += ["--artifacts-destination", str(address.artifacts), "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--allowed-hosts", hosts, "--uvicorn-opts", "--log-level=warning"]
    # A person's settings for other servers must not apply to this one: its address, its allowed origins.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")} | SETTINGS
    variables.setdefault("PYTHONWARNINGS", "ignore")  # deprecations in MLflow's own libraries
    server = subprocess.Popen(command, env=variables)
    try:
        yield server
    finally:
        server.terminate()
        server.wait()


def _wait_for_answer(server: subprocess.Popen[bytes], base: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while fault := fault_of(base, seconds=1):
        if server.poll() is not None:
            fault = f"exit code {server.returncode}; see the lines above"
        elif time.monotonic() < deadline:
            time.sleep(0.2)
            continue
        raise UserError(f"MLflow's pages did not start within {START_SECONDS} s ({fault})", "ui.not_started")
