"""Entries are whole in the outbox before they are delivered, whatever happens to the program or to its disk."""

import subprocess
import sys

import pytest

from echo_rnn.errors import parse_line
from echo_rnn.tracking import UnknownRunError, open_store
from echo_rnn.tracking.outbox import Header, Outbox
from tests.refusals import refused

HEADER = Header("0123456789abcdef", "http://127.0.0.1:1", "echo", "1")


@pytest.fixture
def folder(tmp_path):
    """An outbox of two entries that no process holds."""
    outbox = Outbox(tmp_path / HEADER.run_id, HEADER)
    outbox.append({"kind": "tags", "values": {"a": "b"}}, {"kind": "tags", "values": {"c": "d"}})
    outbox.close()
    return outbox.folder


def test_a_line_that_was_cut_is_dropped_and_the_next_one_follows(folder):
    lines = folder / "entries.jsonl"
    for cut in (1, 5, 20):
        lines.write_bytes(lines.read_bytes()[:-cut])
        outbox = Outbox(folder)
        assert outbox.entries == [{"kind": "tags", "values": {"a": "b"}}]
        outbox.append({"kind": "tags", "values": {"c": "d"}})
        assert len(outbox.entries) == 2
        outbox.close()


def test_delivered_entries_are_not_delivered_again(folder):
    outbox = Outbox(folder)
    _, second = outbox.undelivered
    outbox.mark_delivered(1)
    outbox.close()
    outbox = Outbox(folder)
    assert outbox.undelivered == [second]
    outbox.close()


@pytest.mark.parametrize("damage", [b"", b"x\n", b"\xff\n", b"-1\n", b"1000000\n", b"1"])
def test_a_damaged_number_of_delivered_entries_delivers_all_again(folder, damage):
    (folder / "delivered_entries").write_bytes(damage)
    outbox = Outbox(folder)
    outbox.append({"kind": "status", "status": "FINISHED", "milliseconds": 0})
    assert len(outbox.undelivered) == 3
    outbox.close()
    assert folder.exists()
    Outbox(folder).close()


def test_a_second_writer_is_refused(tmp_path):
    outbox = Outbox(tmp_path / HEADER.run_id, HEADER)
    with refused("outbox.locked", HEADER.run_id):
        Outbox(tmp_path / HEADER.run_id, HEADER)
    outbox.close()


def test_a_damaged_outbox_is_released(folder):
    lines = folder / "entries.jsonl"
    whole = lines.read_bytes()
    lines.write_bytes(whole + b"damage\n")
    with refused("outbox.damaged", lines):
        Outbox(folder)
    lines.write_bytes(whole)
    Outbox(folder).close()


def test_an_outbox_is_removed_when_its_run_has_ended_and_all_is_delivered(folder):
    outbox = Outbox(folder)
    outbox.mark_delivered(2)
    outbox.close()
    assert folder.exists(), "the run has not ended"
    outbox = Outbox(folder)
    outbox.append({"kind": "status", "status": "FINISHED", "milliseconds": 0})
    outbox.mark_delivered(1)
    outbox.close()
    assert not folder.exists()


FILLS_THE_DISK = """
import resource, sys
from pathlib import Path
from echo_rnn.errors import one_sentence
from echo_rnn.tracking.outbox import Header, Outbox
outbox = Outbox(Path(sys.argv[1], "0123"), Header("0123", "http://127.0.0.1:1", "echo", "1"))
outbox.append({"kind": "tags", "values": {"a": "b"}})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # a file that is too large is refused as on a full disk
with one_sentence():
    outbox.append(*[{"kind": "tags", "values": {"x": "y" * 100}}] * 20)
"""


def test_entries_that_do_not_fit_on_the_disk_are_refused_and_not_written(tmp_path):
    command = [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    error = parse_line(answer.stderr.rstrip("\n"))
    assert error.code == "disk.unwritable"
    assert str(error).startswith(f"{tmp_path / '0123' / 'entries.jsonl'}: ")
    assert answer.stderr.count("\n") == 1
    outbox = Outbox(tmp_path / "0123")
    assert outbox.entries == [{"kind": "tags", "values": {"a": "b"}}]
    outbox.close()


@pytest.mark.parametrize("damage", [b"", b"\0" * 50 + b"\n", b"[]\n", b'{"run_id": 1}\n'])
def test_a_damaged_outbox_is_named_and_stops_no_command(store, client, tmp_path, capsys, damage):
    folder = tmp_path / "outbox" / "0123"
    folder.mkdir(parents=True)
    (folder / "entries.jsonl").write_bytes(damage)
    with open_store(None, "echo", tmp_path).run("name", "d", {}) as run:
        pass
    assert client.get_run(run.id).info.status == "FINISHED"
    printed = capsys.readouterr().err
    assert printed.startswith(str(folder / "entries.jsonl"))
    assert printed.count("\n") == 1


def test_a_damaged_line_stays_in_its_outbox(store, client, tmp_path, capsys):
    with store.run("name", "d", {}) as run:
        pass
    header = Header(run.id, f"{client.tracking_uri}?timeout=60", "echo", "1")
    outbox = Outbox(tmp_path / "outbox" / run.id, header)
    outbox.append({"kind": "tags", "values": {"a": "b"}}, {"kind": "status", "status": "FINISHED", "milliseconds": 1})
    outbox.close()
    lines = outbox.folder / "entries.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b'{"kind": "status"', b'\0"kind": "status"'))
    open_store(None, "echo", tmp_path)
    assert str(lines) in capsys.readouterr().err
    assert lines.exists()


def test_a_run_that_another_process_has_open_is_not_resumed(store, tmp_path, monkeypatch):
    monkeypatch.setattr("echo_rnn.tracking.store.SERVER_SECONDS", 0.1)
    with store.run("name", "d", {}) as run, refused("outbox.locked", run.id), store.resume(run.id):
        pass


@pytest.mark.parametrize("run_id", ["", "..", "../x", "/tmp", "a/b", "a\0b", "x" * 10_000, "-rf"])
def test_a_text_that_is_no_run_id_is_refused_before_it_names_a_folder(store, tmp_path, run_id):
    before = sorted(tmp_path.rglob("*"))
    with refused("store.unknown_run", kind=UnknownRunError) as caught:
        store.resume(run_id)
    assert len(str(caught.value)) < 500
    assert sorted(tmp_path.rglob("*")) == before
