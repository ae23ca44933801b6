"""A server that stops, dies or freezes while a run is open: the run continues, and all is stored once, in order."""

import json
import signal
import subprocess
import threading
from contextlib import contextmanager

import pytest

from echo_rnn.tracking import Data, deliver_all, open_store
from tests.processes import program
from tests.refusals import refused
from tests.tracking.servers import Proxy

pytestmark = pytest.mark.xdist_group("server")  # in one process, for its fixtures

LOGS = """
import sys
from pathlib import Path
from echo_rnn.tracking import open_store, store
root, uri = Path(sys.argv[1]), sys.argv[2]
with open_store(uri, "echo", root).run("child", "d", {}) as run:
    run.log_config({"seed": 0})
    print(run.id, flush=True)
    for line in sys.stdin:  # a first and a last step
        if line.startswith("patience "):
            store.SERVER_SECONDS = int(line.split()[1])
            continue
        first, last = map(int, line.split())
        for step in range(first, last):
            run.log_metrics([("loss", step / 8, step)])
        run.log_text(line, f"notes/{first}.txt")
        print("logged", flush=True)
"""


class Child:
    """A program with an open run that logs what it is told."""

    def __init__(self, root, uri):
        pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
        self.process = program(LOGS, root, uri, **pipes)
        self.run_id = self.process.stdout.readline().strip()

    def log(self, first, last):
        self.process.stdin.write(f"{first} {last}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "logged\n"

    def wait_at_end(self, seconds):
        """Lets it wait so long for its server."""
        self.process.stdin.write(f"patience {seconds}\n")

    def end(self):
        """Lets it end; returns its exit code and what it printed."""
        _, said = self.process.communicate(timeout=400)
        return self.process.returncode, said


@pytest.fixture
def child(own_server, tmp_path):
    child = Child(tmp_path, own_server.address)
    yield child
    child.process.kill()
    child.process.communicate()


def client_of(address):
    from mlflow import MlflowClient  # noqa: PLC0415

    return MlflowClient(address)


def require_all(address, run_id, steps, status="FINISHED"):
    """The server has the steps of a child's run once and in order, its files, and its end."""
    client = client_of(address)
    found = client.get_run(run_id)
    history = [(point.step, point.value) for point in client.get_metric_history(run_id, "loss")]
    assert history == [(step, step / 8) for step in range(steps)]
    assert found.data.params == {"seed": "0"}
    assert found.info.status == status
    return {file.path for file in client.list_artifacts(run_id, "notes")}


def outboxes(root):
    return [path.name for path in (root / "outbox").iterdir()]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stopped", "killed", "frozen"])
def test_a_server_that_comes_back_gets_everything_once_and_in_order(child, own_server, tmp_path, how):
    child.log(0, 50)
    own_server.gone(how)
    child.log(50, 2500)  # more than one request holds
    own_server.back()
    child.log(2500, 2600)
    child.wait_at_end(300)  # however busy the machine is
    assert child.end() == (0, "")
    assert require_all(own_server.address, child.run_id, 2600) == {"notes/0.txt", "notes/50.txt", "notes/2500.txt"}
    assert outboxes(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_server_that_stays_away_gets_everything_from_a_later_command(child, own_server, tmp_path, how):
    child.log(0, 50)
    own_server.gone(how)
    child.log(50, 2500)
    child.wait_at_end(2)
    code, said = child.end()
    assert code == 0
    assert said.count("\n") == 1
    assert f"run {child.run_id}: " in said
    assert "not all of it is in" in said
    assert "`python -m pipelines.deliver`" in said
    assert outboxes(tmp_path) == [child.run_id]
    with refused("outbox.undelivered", own_server.address):
        deliver_all(own_server.address, tmp_path)

    own_server.back()
    assert deliver_all(own_server.address, tmp_path) == 1
    assert require_all(own_server.address, child.run_id, 2500) == {"notes/0.txt", "notes/50.txt"}
    assert outboxes(tmp_path) == []
    assert deliver_all(own_server.address, tmp_path) == 0


@pytest.mark.slow
def test_sigterm_ends_a_program_while_its_server_is_frozen(child, own_server, tmp_path):
    own_server.gone("frozen")
    child.log(0, 50)
    child.process.send_signal(signal.SIGTERM)
    code, said = child.end()
    assert code == 128 + signal.SIGTERM
    assert "`python -m pipelines.deliver`" in said
    own_server.back()
    assert deliver_all(own_server.address, tmp_path) == 1
    require_all(own_server.address, child.run_id, 50, "KILLED")


@pytest.mark.slow
def test_a_killed_program_and_a_killed_server_lose_nothing(child, own_server, tmp_path):
    child.log(0, 50)
    own_server.gone("killed")
    child.log(50, 90)
    child.process.kill()
    child.end()
    own_server.back()
    open_store(own_server.address, "echo", tmp_path)  # what any next command does
    require_all(own_server.address, child.run_id, 90, "KILLED")
    assert "its process was gone" in client_of(own_server.address).get_run(child.run_id).data.tags["left_behind"]
    assert outboxes(tmp_path) == []


@pytest.mark.slow
def test_without_its_server_a_run_with_an_outbox_is_resumed_and_a_new_one_refused(own_server, tmp_path):
    with open_store(own_server.address, "echo", tmp_path).run("name", "d", {}) as run:
        run.log_metrics([("loss", 0.0, 0)])
        own_server.gone("killed")
    store = open_store(own_server.address, "echo", tmp_path)  # a stage that evaluates what another one has trained
    with store.resume(run.id) as run:
        run.log_metrics([("loss", 0.0, 0), ("accuracy", 1.0, 0)])
    with refused("store.unreachable", own_server.address), store.run("name", "d", {}):
        pass
    with refused("store.unreachable", own_server.address):
        open_store(own_server.address, "another", tmp_path)

    own_server.back()
    assert deliver_all(own_server.address, tmp_path) == 1
    found = client_of(own_server.address).get_run(run.id)
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"loss": 0.0, "accuracy": 1.0})


def test_what_was_sent_before_the_time_is_up_is_not_sent_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr("echo_rnn.tracking.store.SERVER_SECONDS", 1)
    waiting, sent = threading.Event(), []

    def slow(path, body):
        if path.endswith("log-batch"):
            sent.append(len(json.loads(body).get("metrics", ())))
            if sum(sent) > 5000:
                waiting.wait(60)
        return False

    with Proxy(server, loses=slow) as proxy:
        with open_store(proxy.address, "echo", tmp_path).run("many", "d", {}) as run:
            run.log_metrics(("loss", step / 8, step) for step in range(20_000))
        assert outboxes(tmp_path) == [run.id]
        waiting.set()
        assert deliver_all(proxy.address, tmp_path) == 1
    assert 20_000 <= sum(sent) <= 21_000  # one request may have been at work
    client = client_of(server)
    assert [point.step for point in client.get_metric_history(run.id, "loss")] == list(range(20_000))
    assert client.get_run(run.id).info.status == "FINISHED"


@pytest.fixture
def forgetful(server, tmp_path, monkeypatch):
    """Opens a run whose server does what it is asked, but answers only when it is asked the same again."""
    monkeypatch.setattr("echo_rnn.tracking.store.SERVER_SECONDS", 300)  # on a busy machine, too
    asked = set()
    opened = []

    def loses(*request):
        lost = bool(opened) and request not in asked
        asked.add(request)
        return lost

    @contextmanager
    def open_run():
        with store.run("name", "d", {}) as run:
            opened.append(run)  # before, there is nothing to ask for again
            yield run

    with Proxy(server, loses=loses) as proxy:
        store = open_store(proxy.address, "echo", tmp_path)
        yield open_run()
    assert outboxes(tmp_path) == []


def test_lost_answers_store_nothing_twice(forgetful, server):
    with forgetful as run:
        run.log_config({"seed": 0})
        run.log_metrics(("loss", step / 8, step) for step in range(2500))
        run.log_dataset(Data("echo", "0123", {}, 1), "data", "training")
        run.log_text("x", "notes/0.txt")
        run.set_tags({"a": "b"})
    assert require_all(server, run.id, 2500) == {"notes/0.txt"}
    found = client_of(server).get_run(run.id)
    assert found.data.tags["a"] == "b"
    assert len(found.inputs.dataset_inputs) == 1


@pytest.mark.slow
def test_a_model_is_stored_once_when_answers_are_lost(forgetful, server):
    import keras  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    model = keras.Sequential([keras.Input((None, 1)), keras.layers.Dense(2)])
    with forgetful as run:
        run.log_model(model, np.zeros((1, 2, 1), np.float32))
    client = client_of(server)
    found = client.get_run(run.id)
    (output,) = found.outputs.model_outputs
    logged = client.search_logged_models([found.info.experiment_id], f"source_run_id = '{run.id}'")
    assert [(model.model_id, model.status) for model in logged] == [(output.model_id, "READY")]
