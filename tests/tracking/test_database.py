"""The database of a store is whole or not there, whatever happened to it before."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing

import platformdirs
import pytest

from echo_rnn.tracking import database, open_store
from tests.refusals import refused


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """The user's cache directory of a test."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: folder / name)
    return folder / "echo-rnn" / "stores"


@pytest.fixture
def place(tmp_path):
    """A database with one run."""
    with open_store(None, "echo", tmp_path).run("name", "d", {}) as run:
        run.log_metrics([("loss", 1.0, 0)])
    return tmp_path / "mlflow.db"


def execute(place, *commands):
    with closing(sqlite3.connect(place)) as connection, connection:
        for command in commands:
            connection.execute(command)


def runs(place):
    with closing(sqlite3.connect(place)) as connection:
        return connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0]


def test_one_is_made_from_the_users_cache_and_only_from_a_private_one(tmp_path, own_cache, monkeypatch):
    database.prepare(tmp_path / "a.db")
    (kept,) = own_cache.glob("mlflow-*.db")
    assert not stat.S_IMODE(own_cache.stat().st_mode) & 0o077
    monkeypatch.setattr(database, "_engine", None)  # nothing is made anew
    database.prepare(tmp_path / "b.db")
    assert (tmp_path / "b.db").read_bytes() == kept.read_bytes()
    monkeypatch.undo()
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: own_cache.parents[1] / name)
    kept.write_bytes(b"damaged")
    os.chmod(own_cache, 0o777)  # noqa: PTH101
    database.prepare(tmp_path / "c.db")
    assert (tmp_path / "c.db").read_bytes().startswith(b"SQLite")


def test_a_stop_while_one_is_made_leaves_none(tmp_path, monkeypatch):
    def stop(path):
        path.write_bytes(b"SQLite half")
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "_make", stop)
    with pytest.raises(KeyboardInterrupt):
        database.prepare(tmp_path / "mlflow.db")
    assert list(tmp_path.iterdir()) == []


EARLY = "451aebb31d03"  # a revision of which MLflow's upgrade fails, since the tables of later ones are there


@pytest.mark.parametrize(
    "half",
    [
        lambda place: place.touch(),
        lambda place: execute(place, "CREATE TABLE alembic_version (version_num TEXT)"),
        lambda place: execute(place, "CREATE TABLE experiments (experiment_id INTEGER)"),
        lambda place: (database.prepare(place), execute(place, f"UPDATE alembic_version SET version_num = '{EARLY}'")),
    ],
)
def test_what_earlier_versions_left_half_made_is_made_whole(tmp_path, half):
    half(tmp_path / "mlflow.db")
    with open_store(None, "echo", tmp_path).run("name", "d", {}):
        pass
    assert runs(tmp_path / "mlflow.db") == 1


def test_an_older_one_is_replaced_by_an_upgraded_copy_with_its_runs(place, tmp_path, capsys):
    from alembic import command  # noqa: PLC0415
    from mlflow.store.db.utils import _get_alembic_config  # noqa: PLC0415

    with database._engine(place) as engine, engine.begin() as connection:
        config = _get_alembic_config(str(engine.url))
        config.attributes["connection"] = connection
        command.downgrade(config, "-1")
    before = os.stat(place).st_ino  # noqa: PTH116
    database.prepare(place)
    assert "upgraded" in capsys.readouterr().err
    assert place.stat().st_ino != before
    with closing(sqlite3.connect(place)) as connection:
        assert database._revision(connection) == database._installed()
    assert runs(place) == 1


def test_one_of_a_newer_version_is_refused_and_stays(place, tmp_path):
    execute(place, "UPDATE alembic_version SET version_num = 'of the future'")
    before = place.read_bytes()
    with refused("store.other_version", place):
        database.prepare(place)
    assert place.read_bytes() == before
    assert [path.name for path in tmp_path.glob(".scratch*")] == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    shutil.copy(__file__, tmp_path / "file")
    with refused("store.not_a_store", tmp_path / "file" / "mlflow.db"):
        open_store("sqlite:///file/mlflow.db", "echo", tmp_path)


def test_the_environment_may_lie_in_a_folder_with_a_percent_sign(tmp_path, monkeypatch):
    from mlflow.store.db import utils  # noqa: PLC0415

    (tmp_path / "a%20b").symlink_to(utils._get_package_dir())
    monkeypatch.setattr(utils, "_get_alembic_config", utils._get_alembic_config)
    monkeypatch.setattr(utils, "_get_package_dir", lambda: str(tmp_path / "a%20b"))
    with pytest.raises(ValueError, match="interpolation"):
        utils._get_latest_schema_revision()
    with open_store(None, "echo", tmp_path).run("name", "d", {}):
        pass
    assert runs(tmp_path / "mlflow.db") == 1
