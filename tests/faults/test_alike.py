"""Projects are alike where ids, times and measured numbers alone differ, and in nothing else."""

import hashlib
import json
import sqlite3
import uuid
from contextlib import closing

import numpy as np
import pytest

from tests.faults.alike import digest


def _project(folder, *, speed=4360.698624623183, moment=1795761543.42, number="000001", **content):
    """A project as a command leaves it, with ids of its own."""
    loss, steps, status = content.get("loss", 0.69), content.get("steps", 8), content.get("status", "FINISHED")
    damaged, foreign = content.get("damaged", False), content.get("foreign", False)
    run, pid = uuid.uuid4().hex, 1000 + uuid.uuid4().int % 9000
    (folder / "checkpoints" / number).mkdir(parents=True)
    (folder / "outbox" / run).mkdir(parents=True)
    entries = [["train/steps_per_second", speed, 1, int(1000 * moment)], ["train/loss", loss, 1, int(1000 * moment)]]
    tags = {"process.pid": str(pid), "process.start": str(moment)}
    (folder / "outbox" / run / "entries.jsonl").write_text(f"{json.dumps(entries)}\n{json.dumps(tags)}\n")
    arrays = folder / "checkpoints" / number / "arrays.npz"
    np.savez(arrays, weights=np.full(3, loss), epochs=[[1, loss, speed]])
    sha256 = hashlib.sha256(b"another" if damaged else arrays.read_bytes()).hexdigest()
    measured = {"steady": speed, "epoch": speed / 7}
    note = {"steps": steps, "seconds": measured, "run_id": uuid.uuid4().hex if foreign else run, "sha256": sha256}
    (arrays.parent / "checkpoint.json").write_text(json.dumps(note, indent=2))
    (folder / "speed.json").write_text(json.dumps({"step_microseconds": speed}))
    (folder / "job.log").write_text(f"an epoch took {speed} s\n")
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE runs (run_uuid TEXT, status TEXT)")
        store.execute("CREATE TABLE metrics (key TEXT, value REAL, run_uuid TEXT, timestamp INTEGER)")
        store.execute("INSERT INTO runs VALUES (?, ?)", [run, status])
        rows = [("train/loss", loss), ("speed/step_microseconds", speed), ("time/import", speed / 3)]
        store.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?)", [(*row, run, int(1000 * moment)) for row in rows])
    return digest(folder)


def test_another_process_leaves_an_alike_project(tmp_path):
    other = _project(tmp_path / "other", speed=41.25, moment=1795861543.123456)
    assert _project(tmp_path / "one") == other


@pytest.mark.parametrize(
    "change",
    [{"loss": 0.7}, {"steps": 4}, {"status": "RUNNING"}, {"number": "000002"}, {"damaged": True}, {"foreign": True}],
    ids=lambda change: next(iter(change)),
)
def test_a_project_of_another_content_is_not_alike(tmp_path, change):
    assert _project(tmp_path / "one") != _project(tmp_path / "other", **change)


def test_a_project_with_another_file_is_not_alike(tmp_path):
    one = _project(tmp_path / "one")
    (tmp_path / "one" / "left over").touch()
    assert digest(tmp_path / "one") != one
