"""The pages are served on loopback only, show the project's store, and end on SIGTERM."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import psutil
import pytest

from echo_rnn.tracking import View, open_store, view_link
from echo_rnn.tracking.ui import serve_ui
from echo_rnn.tracking.view import TAG, key_of
from tests.refusals import refused

pytestmark = pytest.mark.xdist_group("server")  # in one process, for its fixtures

SERVES = """
import sys
from pathlib import Path
from echo_rnn.tracking import View
from echo_rnn.tracking.ui import serve_ui
serve_ui(None, "echo", Path(sys.argv[1]), View("", ["loss"]), int(sys.argv[2]))
"""


VIEW = View("tags.`unroll` LIKE '%'", ["speed/step_microseconds", "test/loss"], ["seed"])


def test_a_view_is_stored_once_and_names_what_stands_first(store, client):
    keys = {store.share(VIEW), store.share(VIEW)}
    tags = client.get_experiment(store.experiment_id).tags
    (text,) = [value for name, value in tags.items() if name.startswith(TAG)]
    assert {name.removeprefix(TAG) for name in tags if name.startswith(TAG)} == keys
    state = json.loads(text)
    assert [chart.get("metricKey") for chart in state["compareRunCharts"]] == [*VIEW.charts, None]
    assert [section["name"] for section in state["compareRunSections"]] == ["speed", "test"]
    assert state["searchFilter"] == VIEW.shown


def test_parameters_that_differ_within_a_sweep(store, monkeypatch):
    monkeypatch.setattr("echo_rnn.tracking.store._PAGE", 2)  # of runs that are held at once
    for seed, units in ((0, 4), (1, 4), (2, 8)):
        with store.run("name", "d", {"sweep": 'a"b'}) as run:
            run.log_config({"seed": seed, "units": units, "layers": 3})
    assert store.differing({"sweep": 'a"b'}) == ["units", "seed"]
    assert store.differing({"sweep": "other"}) == []


# What a person may have set for other servers, and what would open this one.
CARELESS = {
    "MLFLOW_HOST": "0.0.0.0",
    "http_proxy": "http://127.0.0.1:9",
    "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "*",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT": "true",
}


def code_of(url, content=None, **headers):
    """What the pages answer to a request."""
    request = urllib.request.Request(url, content, {name.title(): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_pages_end_with_a_killed_command(tmp_path, free_port):
    pages = subprocess.Popen(
        [sys.executable, "-c", SERVES, str(tmp_path), str(free_port)], stdout=subprocess.PIPE, text=True
    )
    assert pages.stdout.readline().startswith("runs: ")
    children = psutil.Process(pages.pid).children(recursive=True)
    pages.kill()
    pages.wait()
    assert children
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    with socket.create_server(("127.0.0.1", free_port)):
        pass


@pytest.mark.slow
def test_pages_are_served_to_this_machine_only_and_end(tmp_path, free_port):
    store = open_store(None, "echo", tmp_path)
    command = [sys.executable, "-c", SERVES, str(tmp_path), str(free_port)]
    pages = subprocess.Popen(command, env=os.environ | CARELESS, stdout=subprocess.PIPE, text=True)
    base = f"http://127.0.0.1:{free_port}"
    try:
        assert (
            pages.stdout.readline().strip()
            == f"runs: {view_link(base, store.experiment_id, key_of(View('', ['loss']).text()))}"
        )
        api = f"{base}/api/2.0/mlflow/experiments"
        assert code_of(f"{base}/health") == 200
        assert code_of(f"{api}/get?experiment_id=0") == 200
        assert code_of(f"{api}/get?experiment_id=0", host="attacker.example") == 403
        foreign = {"origin": "http://attacker.example", "content-type": "application/json"}
        assert code_of(f"{api}/create", b'{"name": "theirs"}', **foreign) == 403

        processes = psutil.Process(pages.pid).children(recursive=True)
        assert processes
        listening = [each.laddr for one in processes for each in one.net_connections() if each.status == "LISTEN"]
        assert {(address.ip, address.port) for address in listening} == {("127.0.0.1", free_port)}
        for process in processes:
            settings = process.environ()
            assert settings["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
            assert settings["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    finally:
        pages.send_signal(signal.SIGTERM)
        assert pages.wait(20) == 128 + signal.SIGTERM
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", free_port), timeout=2)


def test_a_port_that_is_in_use_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with refused("ui.port_taken", port, "make ui PORT="):
            serve_ui(None, "echo", tmp_path, VIEW, port)


def test_ui_of_a_server_is_its_own(server, tmp_path, capsys):
    serve_ui(server, "echo", tmp_path, VIEW)
    assert capsys.readouterr().out.startswith(f"runs: {server}/#/experiments/")
