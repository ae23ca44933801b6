"""Sweeps on a bad day: jobs that die, launchers that die, many at once, and going on with what is missing."""

import contextlib
import csv
import json
import re
import signal

import psutil
import pytest
from filelock import FileLock

from tests.pipelines.lives import PATIENCE, until, until_saved
from tests.pipelines.sweeping import PARALLEL, SHORT, folder_of, rest_of, running, sweep

GLOB = "unroll=glob(dynamic*,exclude=dynamic_rnn)"
CELLS = ("Good", "Raises", "Exits", "ExitsAsIfAllWereWell", "IsKilled")


def unlucky(cells):
    paths = ",".join(f"tests.pipelines.unlucky_cells:{name}" for name in cells)
    return "model=custom", "model.layers=1", f"model.path={paths}"


def workers(process):
    """The processes of jobs: forks of a process with the same command line."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if all("echo_rnn.stages.job_server" in each.cmdline() for each in (child, child.parent())):
                    found.append(child)
    return found


def at_training(project, process):
    """The jobs that own their folders."""
    owners = {json.loads(file.read_text())["pid"] for file in project.folder.glob("multirun/*/*/*/.owner")}
    return [job for job in workers(process) if job.pid in owners]


def gone(process):
    """Whether it has ended; nobody may be there to wait for it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


SWEEPER = """
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper


class Ends(Sweeper):
    '''Proposes the ends of an interval, the second one when the first has run.'''

    def __init__(self, **_):
        pass

    def setup(self, **context):
        self.launcher = Plugins.instance().instantiate_launcher(**context)

    def sweep(self, arguments):
        *given, last = arguments
        key, ends = last[:-1].split("=interval(")
        for number, end in enumerate(ends.split(",")):
            self.launcher.launch([[*given, f"{key}={end}"]], initial_job_idx=number)
"""


@pytest.mark.slow
def test_any_sweeper_has_a_table_a_summary_and_the_right_exit_code(unused):
    (unused.folder / "hydra_plugins").mkdir()
    (unused.folder / "hydra_plugins/ends_sweeper.py").write_text(SWEEPER)
    target = "hydra.sweeper._target_=hydra_plugins.ends_sweeper.Ends"
    answer = unused.run(*sweep(target, *SHORT, "trainer.epochs=interval(1,-1)"))
    assert answer.code == 1, answer.out + answer.err
    assert "1 of 2 jobs are missing" in answer.out
    assert re.search(r"failed: .*trainer.epochs=-1: trainer.epochs: expected", answer.out)
    rows = list(csv.DictReader((folder_of(unused) / "table.csv").open()))
    assert [bool(row["run_id"]) for row in rows] == [True, False]
    (summary,) = [run for run in unused.runs() if run.data.tags.get("kind") == "summary"]
    assert (summary.data.metrics["sweep/jobs"], summary.data.metrics["sweep/failed"]) == (2, 1)
    rest = folder_of(unused) / "0" / "checkpoints" / "000001"  # which could not be removed when the job ended
    rest.mkdir()
    again = unused.run(*rest_of(answer.out))
    assert (again.code, again.out.count("finished before")) == (1, 1), again.out + again.err
    assert {path.name for path in rest.parent.iterdir()} == {"finished", "finished.json"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "cells"), [((), CELLS), (PARALLEL, ("Good", "Raises", "IsKilled"))], ids=["one by one", "joblib"]
)
def test_jobs_that_die_are_named_and_the_others_finish_and_the_same_command_runs_the_rest(unused, launcher, cells):
    answer = unused.run(*sweep(*launcher, *SHORT, *unlucky(cells)))
    assert answer.code == 1
    assert "Traceback" not in answer.err
    for name, end in [
        ("Raises", "ZeroDivisionError: unlucky"),
        ("Exits", "expected a result, got exit code 7"),
        ("ExitsAsIfAllWereWell", "expected a result, got exit code 0"),
        ("IsKilled", "expected a result, got a process that SIGKILL ended"),
    ]:
        assert bool(re.search(rf"failed: .*:{name}'?: {end}", answer.out)) == (name in cells), (name, answer.out)
    assert not re.search(r"failed: .*:Good", answer.out)
    assert f"{len(cells) - 1} of {len(cells)} jobs are missing" in answer.out
    assert "ZeroDivisionError" in (folder_of(unused) / "1/traceback.txt").read_text()

    (unused.folder / "mended").touch()
    good = (folder_of(unused) / "0/models/weights.npz").stat().st_mtime_ns
    again = unused.run(*rest_of(answer.out))
    assert again.code == 0, again.out + again.err
    assert again.out.count("finished before") == 1
    assert (folder_of(unused) / "0/models/weights.npz").stat().st_mtime_ns == good
    assert "failed" not in again.out
    runs = unused.runs()
    trained = {
        run.data.params["model.path"].split(":")[1]
        for run in runs
        if run.info.status == "FINISHED" and "test/accuracy" in run.data.metrics
    }
    assert trained == set(cells)
    assert {experiment.name for experiment in unused.client().search_experiments()} == {"Default", "sweeps"}
    assert "RUNNING" not in {run.info.status for run in runs}


@pytest.mark.slow
def test_a_sweep_that_is_ended_ends_its_job_and_goes_on_later(unused):
    """Ended in each way, one after the other: what was printed goes on, and is ended again."""
    command = sweep(*SHORT, "seed=0,1", "trainer.epochs=60", "trainer.validate_every=30")
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        with running(unused, *command) as (process, popen):
            (first,) = until(lambda: list(unused.folder.glob("multirun/*/*/0/result.json")))
            until_saved(unused, popen, folder=first.parents[1] / "1" / "checkpoints")
            (job,) = at_training(unused, process)
            process.send_signal(number)
            out, _ = popen.communicate(timeout=PATIENCE)
            assert popen.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 128 + number)
            until(lambda job=job: gone(job))
        command, before = rest_of(out), first.read_bytes()
    again = unused.run(*command)
    assert again.code == 0, again.out + again.err
    assert "training resumes after step" in again.err
    assert first.read_bytes() == before
    assert sum(path.parent.name.isdigit() for path in folder_of(unused).glob("*/result.json")) == 2


@pytest.mark.slow
def test_a_worker_of_joblib_that_is_killed(unused):
    with running(unused, *sweep(*PARALLEL, *SHORT, "seed=0,1")) as (process, popen):
        job, *_ = until(lambda: workers(process))
        worker = job.parent().parent()
        assert "loky" in " ".join(worker.cmdline())  # started afresh and not forked
        worker.kill()
        out, _ = popen.communicate(timeout=PATIENCE)
    assert popen.returncode == 2
    assert "error[sweep.launcher]" in out
    assert "Traceback" not in out
    assert re.search(r"failed: .*seed=[01].*ended without a result", out)
    again = unused.run(*rest_of(out))
    assert again.code == 0, again.out + again.err
    finished = [run for run in unused.runs() if run.info.status == "FINISHED" and "test/accuracy" in run.data.metrics]
    assert sorted(run.data.params["seed"] for run in finished) == ["0", "1"]


@pytest.mark.slow
def test_sweeps_and_the_pipeline_at_the_same_time(unused):
    with (
        # With all that Hydra's grammar has for sweeps; each has one job.
        running(unused, *sweep(*SHORT, "seed=range(1)", GLOB, "runtime.threads=1")) as (_, first),
        running(unused, *sweep(*SHORT, "seed=choice(2)", "runtime.threads=1")) as (_, second),
    ):
        answer = unused.run("dvc", "repro", "evaluate")
        assert answer.code == 0, answer.err
        for process in (first, second):
            out, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, out
    folders = list((unused.folder / "multirun").glob("*/*"))
    assert len(folders) == 2
    assert all(len(list(folder.glob("*/result.json"))) == 1 for folder in folders)
    by_sweep = {}
    for run in unused.runs():
        assert run.info.status == "FINISHED"
        by_sweep.setdefault(run.data.tags.get("sweep"), set()).add(run.data.params.get("seed"))
    assert sorted(map(sorted, (seeds for name, seeds in by_sweep.items() if name))) == [["0"], ["2"]]


def test_a_folder_in_which_a_sweep_is_at_work_is_refused(unused):
    folder = unused.folder / "mine"
    folder.mkdir()
    with FileLock(folder / ".owner.lock"):
        answer = unused.run(*sweep(*SHORT, "seed=0,1", "hydra.sweep.dir=mine"))
    assert answer.code == 2
    assert answer.code_of_error == "sweep.busy"
    assert answer.sentence.startswith("hydra.sweep.dir: ")
    assert "mine" in answer.sentence
    assert [path.name for path in folder.iterdir()] == [".owner.lock"]


def test_a_folder_of_another_sweep_is_refused(unused):
    (unused.folder / "mine/0").mkdir(parents=True)
    from echo_rnn.stages.job import RESULT  # noqa: PLC0415

    RESULT.write(unused.folder / "mine/0", {"overrides": ["seed=5"], "error": "any"})
    before = unused.read("mine/0/result.json")
    answer = unused.run(*sweep(*SHORT, "seed=0,1", "hydra.sweep.dir=mine"))
    assert answer.code == 2
    assert answer.code_of_error == "sweep.other"
    assert answer.sentence.startswith("hydra.sweep.dir: ")
    assert "mine" in answer.sentence
    assert "seed=5" in answer.sentence
    assert unused.read("mine/0/result.json") == before
