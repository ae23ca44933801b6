"""A run whose process is gone is ended by the next command; the run of a live one is not."""

import os
import signal
import subprocess
import sys

import pytest

from echo_rnn import environment
from echo_rnn.tracking import open_store
from echo_rnn.tracking.outbox import Outbox
from tests.tracking.test_store_lifecycle import start


@pytest.fixture
def child(store, tmp_path):
    """A process with an open run."""
    process = start(tmp_path)
    yield process, process.stdout.readline().strip()
    process.kill()
    process.communicate()


def test_the_run_of_a_killed_process_is_ended_by_the_next_command(child, client, tmp_path):
    process, run_id = child
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    assert client.get_run(run_id).info.status == "RUNNING"
    open_store(None, "echo", tmp_path)
    found = client.get_run(run_id)
    assert found.info.status == "KILLED"
    assert "its process was gone" in found.data.tags["left_behind"]


def test_a_live_process_keeps_its_run(child, client, tmp_path):
    _, run_id = child
    open_store(None, "echo", tmp_path)
    assert client.get_run(run_id).info.status == "RUNNING"


@pytest.mark.parametrize(
    ("tag", "value", "status"),
    [
        ("nothing", "", "RUNNING"),  # this process is alive
        ("process.start", "1.0", "RUNNING"),  # the clock was set
        ("process.ticks", "1", "KILLED"),  # another process has the process id now
        ("process.host", "another", "RUNNING"),  # processes of another machine are not known here
        ("process.pid", "what", "RUNNING"),
    ],
)
def test_only_a_run_of_a_process_that_is_gone_from_this_machine_is_ended(store, client, tmp_path, tag, value, status):
    # Made by a project in another folder, so that it has no outbox here.
    run = client.create_run(store.experiment_id, tags=environment.process() | {tag: value})
    open_store(None, "echo", tmp_path)
    assert client.get_run(run.info.run_id).info.status == status


def test_a_zombie_is_gone(store, client, tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        ticks = environment.start_ticks(process.pid)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # and leaves the zombie
        tags = environment.process() | {"process.pid": str(process.pid), "process.ticks": ticks}
        run = client.create_run(store.experiment_id, tags=tags)
        open_store(None, "echo", tmp_path)
    assert client.get_run(run.info.run_id).info.status == "KILLED"


def test_a_run_whose_outbox_is_being_delivered_is_not_ended(child, client, tmp_path):
    process, run_id = child
    process.kill()
    process.wait(20)
    holder = Outbox(tmp_path / "outbox" / run_id)
    try:
        open_store(None, "echo", tmp_path)
        assert client.get_run(run_id).info.status == "RUNNING"
    finally:
        holder.close()
    open_store(None, "echo", tmp_path)
    assert client.get_run(run_id).info.status == "KILLED"


def test_tagged_finds_finished_runs_with_all_tags(store):
    with store.run("name", "d", {"sweep": "s", "slot": "a b"}) as run:
        assert store.tagged({"sweep": "s"}) == []
    assert store.tagged({"sweep": "s", "slot": "a b"}) == [run.id]
    assert store.tagged({"sweep": "s", "slot": "other"}) == []
