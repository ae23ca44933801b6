"""Places that a store or its locks cannot be in, or should not."""

import errno
import fcntl
import os
from collections import namedtuple

import psutil
import pytest

from echo_rnn.config.schema import Tracking
from echo_rnn.stages.alone import alone
from echo_rnn.stages.store import require_server
from echo_rnn.tracking import database, open_store
from echo_rnn.tracking.outbox import Header, Outbox
from tests.refusals import refused

Mount = namedtuple("Mount", "mountpoint fstype")


def owns(folder):
    with alone(folder, "work"):
        pass


USERS = {
    "folder": owns,
    "store": lambda folder: open_store(None, "echo", folder),
    "outbox": lambda folder: Outbox(folder / "a", Header("a", "http://127.0.0.1:1", "echo", "1")),
}


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
@pytest.mark.parametrize("user", USERS)
def test_a_file_system_without_locks_is_named(user, number, tmp_path, monkeypatch):
    def refuse(descriptor, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with refused("disk.no_locks", str(tmp_path), os.strerror(number).lower()):
        USERS[user](tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_store_on_a_network_file_system_is_warned_of_once(tmp_path, monkeypatch, capsys):
    mounts = [Mount("/", "ext4"), Mount(os.fspath(tmp_path / "far"), "nfs4"), Mount(os.fspath(tmp_path), "xfs")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    for folder in ("near", "far", "far", "farther"):
        (tmp_path / folder).mkdir(exist_ok=True)
        database.warn_of_network(tmp_path / folder / "mlflow.db")
    (warned,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "far" / "mlflow.db") in warned
    assert "nfs4" in warned
    assert "tracking=server" in warned


@pytest.mark.parametrize("launcher", ["slurm", "ray_cluster"])
def test_jobs_on_other_machines_need_a_server(launcher):
    def section(uri=None, enabled=True):
        return Tracking(enabled=enabled, uri=uri, experiment="echo")

    with refused("store.shared_file", launcher, "tracking=server"):
        require_server(section(), launcher)
    require_server(section(), "joblib")
    require_server(section("http://127.0.0.1:5000"), launcher)
    require_server(section(enabled=False), launcher)
