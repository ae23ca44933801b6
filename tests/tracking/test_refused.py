"""What the store refuses of a run is set aside and named; all else of the run is delivered."""

import json

import pytest

from echo_rnn.tracking import deliver, deliver_all, open_store
from echo_rnn.tracking.outbox import Header, Outbox
from tests.refusals import refused

END = {"kind": "status", "status": "FINISHED", "milliseconds": 1}
POINTS = [{"kind": "metrics", "rows": [["loss", step / 8, step, step]]} for step in range(7)]
# MLflow refuses each: a name with a forbidden character, another value, names that are too long.
REFUSED = {
    "metrics": {"kind": "metrics", "rows": [["loss?", 0.5, 0, 0]]},
    "params": {"kind": "params", "values": {"seed": "1"}},
    "tags": {"kind": "tags", "values": {"a" * 1000: "b"}},
    "dataset": {"kind": "dataset", "name": "a" * 1000, "digest": "0", "source": "{}", "context": "training"},
}


@pytest.fixture
def run(store):
    with store.run("name", "d", {}) as run:
        run.log_config({"seed": 0})
    return run


@pytest.fixture
def outbox(run, client, tmp_path):
    """Fills the outbox of a run that no process holds."""

    def fill(*entries):
        outbox = Outbox(
            tmp_path / "outbox" / run.id,
            Header(run.id, "sqlite:///mlflow.db", "echo", client.get_run(run.id).info.experiment_id),
        )
        outbox.append(*entries)
        return outbox

    return fill


def points(client, run):
    return [(point.step, point.value) for point in client.get_metric_history(run.id, "loss")]


@pytest.mark.parametrize(
    ("kind", "place"), [("metrics", 0), ("metrics", 3), ("metrics", 7), ("params", 0), ("tags", 3), ("dataset", 7)]
)
def test_one_refused_entry_holds_up_no_other(kind, place, run, outbox, client, tmp_path, capsys):
    box = outbox(*POINTS[:place], REFUSED[kind], *POINTS[place:], END)
    box.close()
    for _ in range(2):  # a later command tries again, and says so again
        open_store(None, "echo", tmp_path)
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"run {run.id}: " in said
        assert f"{kind}: " in said
        assert str(box.folder) in said
        assert points(client, run) == [(step, step / 8) for step in range(7)]
    found = client.get_run(run.id)
    assert (found.info.status, found.data.params) == ("FINISHED", {"seed": "0"})
    assert found.data.tags["undelivered"].startswith(f"{kind}: ")
    assert list(json.loads((box.folder / "refused.json").read_text())) == [str(place)]


def test_a_refused_file_is_named_and_delivered_when_its_place_is_free(run, outbox, client, tmp_path):
    box = outbox()
    with box.adding("a.txt") as (path, copy):
        path.write_text("x")
    box.append({"kind": "file", "copy": copy, "folder": "notes"}, *POINTS, END)
    box.close()
    blocked = tmp_path / "mlartifacts" / run.id / "artifacts" / "notes"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder must be")
    with refused("outbox.undelivered", copy):
        deliver_all(None, tmp_path)
    assert len(points(client, run)) == 7
    assert client.get_run(run.id).info.status == "FINISHED"

    blocked.unlink()
    assert deliver_all(None, tmp_path) == 1
    assert (blocked / "a.txt").read_text() == "x"
    assert "undelivered" not in client.get_run(run.id).data.tags
    assert not box.folder.exists()


def test_what_was_refused_replaces_nothing_that_came_after_it(run, outbox, client, tmp_path, monkeypatch):
    box = outbox()
    copies = []
    for content in ("old", "new"):
        with box.adding("a.txt") as (path, copy):
            path.write_text(content)
        copies.append({"kind": "file", "copy": copy, "folder": "notes"})
    old = [{"kind": "status", "status": "RUNNING"}, {"kind": "tags", "values": {"a": "old", "b": "old"}}, copies[0]]
    box.append(*old, {"kind": "tags", "values": {"a": "new"}}, copies[1], END)
    box.close()
    send = deliver._send

    def refuse_old(client, outbox, entries):
        if entries[0] in old:
            raise OSError("I/O error")
        send(client, outbox, entries)

    with monkeypatch.context() as patched:
        patched.setattr(deliver, "_send", refuse_old)
        open_store(None, "echo", tmp_path)
    assert len(json.loads((box.folder / "refused.json").read_text())) == len(old)

    open_store(None, "echo", tmp_path)
    found = client.get_run(run.id)
    assert (found.info.status, found.data.tags["a"], found.data.tags["b"]) == ("FINISHED", "new", "old")
    assert (tmp_path / "mlartifacts" / run.id / "artifacts" / "notes" / "a.txt").read_text() == "new"
    assert not box.folder.exists()


def test_what_was_refused_is_not_replaced_by_what_was_refused_for_good(run, outbox, client, tmp_path):
    box = outbox(
        {"kind": "tags", "values": {"a": "old"}}, {"kind": "tags", "values": {"a": "new", "b" * 1000: ""}}, END
    )
    box.pass_over("I/O error")
    box.close()
    with refused("outbox.undelivered"):
        deliver_all(None, tmp_path)
    assert client.get_run(run.id).data.tags["a"] == "old"


def test_while_a_run_is_at_work_what_is_refused_holds_up_nothing(store, client, capsys):
    with store.run("name", "d", {}) as run:
        run.log_metrics([("loss?", 1.0, 0)])
        run.log_metrics([("loss", 1.0, 1)])
        run.set_tags({"a": "b"})
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "metrics: " in said
    found = client.get_run(run.id)
    assert (found.info.status, found.data.metrics, found.data.tags["a"]) == ("FINISHED", {"loss": 1.0}, "b")


def test_a_run_that_the_store_refuses_as_a_whole_stays_in_its_outbox(run, outbox, client, tmp_path, capsys):
    box = outbox(*POINTS, REFUSED["tags"], END)
    box.close()
    client.delete_run(run.id)
    open_store(None, "echo", tmp_path)
    assert f"run {run.id}: " in capsys.readouterr().err
    assert not (box.folder / "refused.json").exists()
    client.restore_run(run.id)
    open_store(None, "echo", tmp_path)
    assert len(points(client, run)) == 7


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"x": 1}', b"\xff"])
def test_a_damaged_list_of_refusals_delivers_all_again(outbox, damage):
    box = outbox(*POINTS)
    box.pass_over("no")
    box.mark_delivered(3)
    box.close()
    (box.folder / "refused.json").write_bytes(damage)
    box = Outbox(box.folder)
    assert len(box.undelivered) == 7
    box.close()
