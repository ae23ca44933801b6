"""Projects are alike where ids, times and measured numbers alone differ, and in nothing else."""

import json
import sqlite3
import uuid
from contextlib import closing

import numpy as np
import pytest

from tests.faults.alike import digest


def _project(folder, *, loss=0.69, steps=8, status="FINISHED", speed=4360.698624623183, moment=1795761543.42):
    """A project as a command leaves it, with ids of its own."""
    run, pid = uuid.uuid4().hex, 1000 + uuid.uuid4().int % 9000
    (folder / "checkpoints" / "000001").mkdir(parents=True)
    (folder / "outbox" / run).mkdir(parents=True)
    entries = [["train/steps_per_second", speed, 1, int(1000 * moment)], ["train/loss", loss, 1, int(1000 * moment)]]
    tags = {"process.pid": str(pid), "process.start": str(moment)}
    (folder / "outbox" / run / "entries.jsonl").write_text(f"{json.dumps(entries)}\n{json.dumps(tags)}\n")
    note = {"steps": steps, "seconds": {"steady": speed, "epoch": speed / 7}, "run_id": run, "arrays": {"sha256": run}}
    (folder / "checkpoints/000001/checkpoint.json").write_text(json.dumps(note, indent=2))
    np.savez(folder / "checkpoints/000001/arrays.npz", weights=np.full(3, loss), epochs=np.full(3, speed))
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


@pytest.mark.parametrize("change", [{"loss": 0.7}, {"steps": 4}, {"status": "RUNNING"}])
def test_a_project_of_another_content_is_not_alike(tmp_path, change):
    assert _project(tmp_path / "one") != _project(tmp_path / "other", **change)


def test_a_project_with_another_file_is_not_alike(tmp_path):
    one = _project(tmp_path / "one")
    (tmp_path / "one" / "left over").touch()
    assert digest(tmp_path / "one") != one
