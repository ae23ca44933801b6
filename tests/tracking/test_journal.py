"""What is written down before it is sent: whole, whatever happens to the program or to its disk."""

import subprocess
import sys

import pytest

from echo_rnn.errors import UserError, parse_line
from echo_rnn.tracking import UnknownRunError, open_store
from echo_rnn.tracking.journal import Header, Journal

HEADER = Header("0123456789abcdef", "http://127.0.0.1:1", "echo", "1")


def entries(journal):
    return [line.entry for line in journal.lines()]


@pytest.fixture
def folder(tmp_path):
    """A journal of two entries that nobody holds."""
    journal = Journal.create(tmp_path, HEADER)
    journal.append({"do": "tags", "values": {"a": "b"}}, {"do": "tags", "values": {"c": "d"}})
    journal.close()
    return journal.folder


def test_a_line_that_was_cut_is_dropped_and_the_next_one_follows(folder):
    lines = folder / "journal.jsonl"
    for cut in (1, 5, 20):
        lines.write_bytes(lines.read_bytes()[:-cut])
        journal = Journal.reopen(folder)
        assert entries(journal) == [{"do": "tags", "values": {"a": "b"}}]
        journal.append({"do": "tags", "values": {"c": "d"}})
        assert len(entries(journal)) == 2
        journal.close()


def test_what_was_sent_is_not_read_again(folder):
    journal = Journal.reopen(folder)
    first, second = journal.unsent
    journal.mark_sent(first)
    journal.close()
    journal = Journal.reopen(folder)
    assert list(journal.unsent) == [second]
    journal.close()


@pytest.mark.parametrize("damage", [b"", b"x", b"\xff", b"-1", b"1000000"])
def test_where_what_was_sent_is_unknown_all_is_sent_again(folder, damage):
    journal = Journal.reopen(folder)
    journal.append({"do": "status", "status": "FINISHED", "milliseconds": 0})
    (folder / "sent").write_bytes(damage)
    assert len(list(journal.unsent)) == 3
    journal.close()
    assert folder.exists()
    Journal.reopen(folder).close()


def test_a_second_writer_is_told_of_the_first(tmp_path):
    journal = Journal.create(tmp_path, HEADER)
    with pytest.raises(UserError, match=f"run {HEADER.run_id}: another process writes it"):
        Journal.create(tmp_path, HEADER)
    journal.close()


def test_a_damaged_journal_is_let_go_of(folder):
    journal = Journal.reopen(folder)
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b"damage\n")
    with pytest.raises(UserError, match="expected one JSON object a line"):
        journal.close()
    Journal.reopen(folder)


def test_a_journal_goes_when_its_run_has_ended_and_all_was_sent(folder):
    journal = Journal.reopen(folder)
    journal.mark_all_sent()
    journal.close()
    assert folder.exists(), "the run has not ended"
    journal = Journal.reopen(folder)
    journal.append({"do": "status", "status": "FINISHED", "milliseconds": 0})
    journal.mark_all_sent()
    journal.close()
    assert not folder.exists()


FILLS_THE_DISK = """
import resource, sys
from pathlib import Path
from echo_rnn.errors import one_sentence
from echo_rnn.tracking.journal import Header, Journal
journal = Journal.create(Path(sys.argv[1]), Header("0123", "http://127.0.0.1:1", "echo", "1"))
journal.append({"do": "tags", "values": {"a": "b"}})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # a file that is too large is refused as on a full disk
with one_sentence():
    journal.append(*[{"do": "tags", "values": {"x": "y" * 100}}] * 20)
"""


def test_entries_that_do_not_fit_are_refused_in_a_sentence_and_leave_no_trace(tmp_path):
    command = [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    error = parse_line(answer.stderr.rstrip("\n"))
    assert error.code == "disk.unwritable"
    assert str(error).startswith(f"{tmp_path / '0123'}: ")
    assert answer.stderr.count("\n") == 1
    journal = Journal.reopen(tmp_path / "0123")
    assert entries(journal) == [{"do": "tags", "values": {"a": "b"}}]
    journal.close()


@pytest.mark.parametrize("damage", [b"", b"\0" * 50 + b"\n", b"[]\n", b'{"run_id": 1}\n'])
def test_a_damaged_journal_is_named_and_stops_nobody(store, client, tmp_path, capsys, damage):
    folder = tmp_path / "pending" / "0123"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_bytes(damage)
    with open_store(None, "echo", tmp_path).run("name", "d", {}) as run:
        pass
    assert client.get_run(run.id).info.status == "FINISHED"
    said = capsys.readouterr().err
    assert "journal.jsonl: expected one JSON object a line" in said
    assert said.count("\n") == 1


def test_a_damaged_line_keeps_what_is_before_it(store, client, tmp_path, capsys):
    with store.run("name", "d", {}) as run:
        pass
    journal = Journal.create(tmp_path / "pending", Header(run.id, f"{client.tracking_uri}?timeout=60", "echo", "1"))
    journal.append({"do": "tags", "values": {"a": "b"}}, {"do": "status", "status": "FINISHED", "milliseconds": 1})
    journal.close()
    lines = journal.folder / "journal.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b'{"do": "status"', b'\0"do": "status"'))
    open_store(None, "echo", tmp_path)
    assert "expected one JSON object a line" in capsys.readouterr().err
    assert lines.exists()


def test_a_run_that_another_process_has_open_is_not_continued(store, tmp_path, monkeypatch):
    monkeypatch.setattr("echo_rnn.tracking.store.SERVER_SECONDS", 0.1)
    with store.run("name", "d", {}) as run, pytest.raises(UserError, match="another process"), store.resume(run.id):
        pass


@pytest.mark.parametrize("run_id", ["", "..", "../x", "/tmp", "a/b", "a\0b", "x" * 10_000, "-rf"])
def test_what_is_no_run_is_refused_before_it_names_a_folder(store, tmp_path, run_id):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UnknownRunError, match="expected the id of a run") as caught:
        store.resume(run_id)
    assert len(str(caught.value)) < 500
    assert sorted(tmp_path.rglob("*")) == before
