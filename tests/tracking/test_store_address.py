"""Which store an address names, and a refusal for each one that is not usable."""

import pytest

from echo_rnn.errors import UserError
from echo_rnn.redact import redact
from echo_rnn.tracking import open_store
from echo_rnn.tracking.address import resolve
from tests.refusals import refused

SECRET = "hunter2"


def test_default_is_a_database_in_the_root(tmp_path):
    address = resolve(None, tmp_path)
    assert (address.database, address.artifacts) == (tmp_path / "mlflow.db", tmp_path / "mlartifacts")


def test_the_environment_takes_precedence_over_the_configuration(tmp_path, monkeypatch):
    assert resolve("http://configured:5000", tmp_path).uri == "http://configured:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment:5000")
    assert resolve("http://configured:5000", tmp_path).uri == "http://environment:5000"


def test_relative_database_is_taken_from_the_root(tmp_path, monkeypatch):
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    assert resolve("sqlite:///runs.db", tmp_path).database == tmp_path / "runs.db"
    assert resolve(f"sqlite:///{other}/runs.db", tmp_path).database == other / "runs.db"


@pytest.mark.parametrize(
    "uri",
    ["ftp://host", "mlruns", "file:///runs", "http://", "http://host:port", "http://[", "sqlite://", "sqlite:"],
)
def test_a_text_that_is_no_address_is_refused(uri, tmp_path):
    with refused("store.bad_address", repr(uri), "tracking.uri"):
        open_store(uri, "echo", tmp_path)


def test_a_missing_folder_is_refused_and_not_created(tmp_path):
    with refused("store.not_a_store", tmp_path / "gone"):
        open_store(f"sqlite:///{tmp_path}/gone/runs.db", "echo", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "mlflow.db").write_text("# not a database, but a long enough text file")
    with refused("store.not_a_store", tmp_path / "mlflow.db"):
        open_store(None, "echo", tmp_path)


def test_a_folder_in_place_of_the_database_is_refused(tmp_path):
    (tmp_path / "mlflow.db").mkdir()
    with refused("store.not_a_store", tmp_path / "mlflow.db"):
        open_store(None, "echo", tmp_path)


def test_a_database_that_was_cut_is_refused(store, tmp_path):
    database = tmp_path / "mlflow.db"
    copy = tmp_path / "copy.db"
    copy.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    with refused("store.not_a_store", copy):
        open_store(f"sqlite:///{copy}", "echo", tmp_path)


def test_a_deleted_experiment_is_refused(store, client, tmp_path):
    client.delete_experiment(store.experiment_id)
    with refused("store.deleted_experiment", "tracking.experiment", "'echo'"):
        open_store(None, "echo", tmp_path)


def test_experiment_is_created_once(store, tmp_path):
    assert open_store(None, "echo", tmp_path).experiment_id == store.experiment_id


@pytest.mark.parametrize("uri", [f"ftp://me:{SECRET}@host", f"http://me:{SECRET}@127.0.0.1:9"])
def test_credentials_stay_out_of_messages(uri, tmp_path):
    with pytest.raises(UserError) as caught:
        open_store(uri, "echo", tmp_path)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r} {resolve('http://a:b@c', tmp_path)!r}"


def test_redact_hides_credentials_and_keeps_the_rest():
    text = f"see http://me:{SECRET}@host/path and https://me@other; mail a@b"
    assert redact(text) == "see http://***@host/path and https://***@other; mail a@b"
