"""A user's password reaches the server that it is for, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from echo_rnn.tracking import deliver_all, open_store
from echo_rnn.tracking.outbox import Header, Outbox
from tests.refusals import refused
from tests.tracking.servers import Proxy

pytestmark = pytest.mark.xdist_group("server")  # in one process, for its fixtures

SECRET = "hunter2"
LOGIN = f"me:{SECRET}"

LOGS = """
import os, sys
from pathlib import Path
from echo_rnn.tracking import Data, open_store
root, uri = Path(sys.argv[1]), os.environ["MLFLOW_TRACKING_URI"]
with open_store(None, "secrets", root).run("name", f"see {uri}", {"tag": uri}) as run:
    run.log_config({"tracking": {"uri": uri}})
    run.log_dataset(Data("data", "0123", {}, 1), uri, "training")
    run.log_text(f"see {uri}", "notes.txt")
    run.set_tags({"later": uri})
    print(run.id)
"""


def test_a_password_in_the_address_opens_the_server_and_is_stored_nowhere(server, tmp_path):
    from mlflow import MlflowClient  # noqa: PLC0415

    with Proxy(server, password=LOGIN) as proxy:
        secret = {"MLFLOW_TRACKING_URI": proxy.address.replace("://", f"://{LOGIN}@")}
        command = [sys.executable, "-c", LOGS, str(tmp_path)]
        answer = subprocess.run(command, env=os.environ | secret, capture_output=True, text=True, check=True)
    run_id = answer.stdout.strip()
    client = MlflowClient(server)
    found = client.get_run(run_id)
    notes = Path(client.download_artifacts(run_id, "notes.txt", str(tmp_path))).read_text()
    assert notes == f"see {proxy.address.replace('://', '://***@')}"
    assert found.data.params == {"tracking.uri": proxy.address.replace("://", "://***@")}
    assert SECRET not in f"{found.to_dictionary()} {answer.stdout} {answer.stderr}"
    assert [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []


def test_a_wrong_password_is_a_sentence_without_it(server, tmp_path):
    with Proxy(server, password="me:another") as proxy, refused("store.failed", proxy.address, "401") as caught:
        open_store(proxy.address.replace("://", f"://{LOGIN}@"), "secrets", tmp_path)
    assert SECRET not in str(caught.value)


def fill_outbox(address, root):
    """Makes a run in `root` with an outbox for a server."""
    store = open_store(address, "secrets", root)
    with store.run("name", "d", {}) as run:
        pass
    outbox = Outbox(root / "outbox" / run.id, Header(run.id, store.address, "secrets", store.experiment_id))
    outbox.append({"kind": "tags", "values": {"a": "b"}}, {"kind": "status", "status": "FINISHED", "milliseconds": 1})
    outbox.close()


def test_a_password_is_not_sent_to_another_server(server, tmp_path, monkeypatch):
    with Proxy(server, password=LOGIN) as own, Proxy(server) as before, Proxy(server) as after:
        address = own.address.replace("://", f"://{LOGIN}@")
        for each in (before.address, address, after.address):
            fill_outbox(each, tmp_path)
            # What `open_store` has handed over in this process.
            monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
            monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
        assert deliver_all(address, tmp_path) == 3
    assert set(before.authorizations) == set(after.authorizations) == {None}
