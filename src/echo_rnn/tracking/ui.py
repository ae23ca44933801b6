"""MLflow's pages on the project's own store, for this machine only."""

import socket
import subprocess
import sys
import time
from pathlib import Path

from echo_rnn.child_process import end_with_parent, inherited
from echo_rnn.errors import UserError, termination_raises
from echo_rnn.tracking.address import SETTINGS, fault_of, resolve
from echo_rnn.tracking.store import open_store
from echo_rnn.tracking.view import View, view_link

HOST, PORT = "127.0.0.1", 5000
START_SECONDS = 60


def serve_ui(uri: str | None, experiment: str, root: Path, view: View, port: int = PORT) -> None:
    """Serves the pages until Ctrl-C; prints the link to a view once they answer.

    A tracking server has its own pages, so that nothing is started for it, and only the link is printed.

    Raises:
        UserError: The address is not valid, the port is taken, or the pages do not start.
    """
    address = resolve(uri, root)
    if address.database is not None:
        _require_free(port)
    store = open_store(uri, experiment, root)
    key = store.share(view)
    if address.database is None:
        print(f"runs: {view_link(address.uri, store.experiment_id, key)}", flush=True)
        return
    hosts = f"{HOST}:{port},localhost:{port}"
    command = [sys.executable, "-m", __name__, "ui", "--backend-store-uri", address.uri]
    command += ["--registry-store-uri", address.uri]
    command += ["--artifacts-destination", str(address.artifacts), "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--allowed-hosts", hosts, "--uvicorn-opts", "--log-level=warning"]
    # A person's settings for other servers must not apply to this one: its address, its allowed origins.
    variables = {name: value for name, value in inherited().items() if not name.startswith("MLFLOW_")} | SETTINGS
    variables.setdefault("PYTHONWARNINGS", "ignore")  # deprecations in MLflow's own libraries
    with termination_raises():
        # Its standard input ends with this process, however that ends, and the pages with it.
        server, base = subprocess.Popen(command, env=variables, stdin=subprocess.PIPE), f"http://{HOST}:{port}"
        try:
            deadline = time.monotonic() + START_SECONDS
            while (fault := fault_of(base, seconds=1)) and server.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
            if not fault:
                print(f"runs: {view_link(base, store.experiment_id, key)}\nCtrl-C ends the pages.", flush=True)
                server.wait()
        except KeyboardInterrupt:
            return
        finally:
            server.terminate()
            code = server.wait()
        got = fault and f"no answer within {START_SECONDS} s ({fault}) and "
        raise UserError(
            f"MLflow's pages: expected them to run until Ctrl-C, got {got}exit code {code}; see the lines above",
            "ui.ended",
        )


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


if __name__ == "__main__":
    from mlflow.cli import cli

    end_with_parent()
    cli()
