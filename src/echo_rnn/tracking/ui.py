"""MLflow's pages: those of the project's own store, for this machine only, and links to the pages of any store."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from echo_rnn.child_process import SOURCE, end_with_parent
from echo_rnn.errors import UserError, termination_raises
from echo_rnn.tracking.address import SETTINGS, fault_of, resolve
from echo_rnn.tracking.store import open_store

HOST, PORT = "127.0.0.1", 5000
START_SECONDS = 60
# MLflow's front page opens on GenAI traces without it.
_TYPE = {"workflowType": "machine_learning"}


def comparison_link(base_url: str, experiment_id: str, sweep: str | None = None) -> str:
    """Link to the charts of all runs of an experiment, or of those with the tag `sweep`."""
    query = {"compareRunsMode": "CHART"} | _TYPE
    if sweep is not None:
        query["searchFilter"] = f"tags.sweep = {json.dumps(sweep)}"
    return f"{base_url.rstrip('/')}/#/experiments/{experiment_id}/runs?{urlencode(query, quote_via=quote)}"


def parallel_link(base_url: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """Link to the parallel coordinates of some runs, which show the parameters that differ between them."""
    query = {"runs": json.dumps(list(run_ids)), "experiments": json.dumps([experiment_id])} | _TYPE
    return f"{base_url.rstrip('/')}/#/compare-runs?{urlencode(query, quote_via=quote)}"


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
    hosts = f"{HOST}:{port},localhost:{port}"
    command = [sys.executable, "-m", __name__, "ui", "--backend-store-uri", address.uri]
    command += ["--registry-store-uri", address.uri]
    command += ["--artifacts-destination", str(address.artifacts), "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--allowed-hosts", hosts, "--uvicorn-opts", "--log-level=warning"]
    # A person's settings for other servers must not apply to this one: its address, its allowed origins.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")} | SETTINGS
    variables.setdefault("PYTHONWARNINGS", "ignore")  # deprecations in MLflow's own libraries
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(SOURCE), variables.get("PYTHONPATH"))))
    with termination_raises():
        # Its standard input ends with this process, however that ends, and the pages with it.
        server, base = subprocess.Popen(command, env=variables, stdin=subprocess.PIPE), f"http://{HOST}:{port}"
        try:
            deadline = time.monotonic() + START_SECONDS
            while (fault := fault_of(base, seconds=1)) and server.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
            if not fault:
                print(f"runs: {comparison_link(base, experiment_id)}\nCtrl-C ends the pages.", flush=True)
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
