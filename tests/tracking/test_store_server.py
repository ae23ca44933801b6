"""With a real server: the same interface; without one: a quick refusal that names the address."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from echo_rnn.tracking import address as address_module
from echo_rnn.tracking import open_store
from tests.refusals import refused

pytestmark = pytest.mark.xdist_group("server")  # in one process, for its fixtures

SECRET = "hunter2"


@contextmanager
def refused_within(seconds, code, *named):
    import echo_rnn.tracking.store  # noqa: F401, PLC0415 # which takes seconds, and is no waiting

    start = time.monotonic()
    with refused(code, *named):
        yield
    assert time.monotonic() - start < seconds


def test_server_keeps_the_run(server, tmp_path, monkeypatch):
    monkeypatch.setattr("echo_rnn.tracking.store.SERVER_SECONDS", 300)  # on a busy machine, too
    store = open_store(server.replace("://", f"://me:{SECRET}@"), "echo", tmp_path)
    with store.run("name", "d", {"sweep": "s"}) as run:
        run.log_config({"seed": 0})
        run.log_metrics([("loss", float(step), step) for step in range(1500)])
        run.log_text("hello", "notes/hello.txt")

    from mlflow import MlflowClient  # noqa: PLC0415

    client = MlflowClient(server)
    found = client.get_run(run.id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"seed": "0"}
    assert [metric.step for metric in client.get_metric_history(run.id, "loss")] == list(range(1500))
    assert [file.path for file in client.list_artifacts(run.id, "notes")] == ["notes/hello.txt"]
    assert store.address == server
    assert SECRET not in f"{found.to_dictionary()}"
    assert not (tmp_path / "mlflow.db").exists()


def test_closed_port_is_refused_at_once(free_port, tmp_path):
    with refused_within(15, "store.unreachable", f"http://127.0.0.1:{free_port}"):
        open_store(f"http://127.0.0.1:{free_port}", "echo", tmp_path)


def test_port_that_never_answers_is_refused_in_time(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with refused_within(15, "store.unreachable", address):
            open_store(address, "echo", tmp_path)


def test_port_that_answers_drop_by_drop_is_refused_at_the_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr(address_module, "DEADLINE_SECONDS", 2)
    done = threading.Event()

    def drip(listener):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not done.wait(1):
                connection.sendall(b"X: y\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with refused_within(4, "store.unreachable", address, "2 s"):
                open_store(address, "echo", tmp_path)
        finally:
            done.set()
            thread.join()


def test_a_server_that_is_no_tracking_server_is_refused(tmp_path):
    # Python's file server answers /health with 404, as a server behind a prefix may.
    from http.server import HTTPServer, SimpleHTTPRequestHandler  # noqa: PLC0415

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Quiet) as other:
        threading.Thread(target=other.serve_forever).start()
        address = f"http://127.0.0.1:{other.server_port}"
        try:
            with refused_within(15, "store.failed", address):
                open_store(address, "echo", tmp_path)
        finally:
            other.shutdown()
