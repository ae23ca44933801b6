"""A training that is killed, stopped or run twice: the same command goes on, to the same bits, in the same run."""

import random
import re
import shlex
import shutil
import signal

import psutil
import pytest

from tests.pipelines.lives import (
    DVC,
    IMPATIENT,
    STAGE,
    answer,
    copied_with_runs,
    killed,
    numbers,
    points,
    started,
    until,
    until_saved,
)

# By compile mode, so that each trains for some seconds.
EPOCHS = {"graph": 48, "xla": 250}
STEPS = 30  # of an epoch
METRICS = ("train/loss", "train/accuracy", "validation/loss", "validation/accuracy", "train/steps")
WEIGHTS = "models/weights.npz"


@pytest.fixture(scope="session")
def prepared(fresh, once):
    """By compile mode, a project whose data is there, and a checkpoint is due after every call of the loop."""

    def of(mode):
        def make(folder):
            project = fresh.copy(folder)
            trainer = f"{{epochs: {EPOCHS[mode]}, validate_every: 4, compile: {mode}, checkpoint: {{seconds: 0}}}}"
            project.edit("params.yaml", "values: {}", f"values: {{trainer: {trainer}}}")
            project.must("dvc", "repro", "generate")

        return once(f"prepared-{mode}", make)

    return of


@pytest.fixture
def project(prepared, request, tmp_path):
    """A copy of it that a test may change; graphs unless the test says otherwise."""
    return prepared(getattr(request, "param", "graph")).copy(tmp_path / "echo")


@pytest.fixture(scope="session")
def whole(prepared, once):
    """By compile mode, what a training without a break leaves: its weights, report, and the points of its run."""
    known = {}

    def of(project):
        mode = re.search(r"compile: (\w+)", (project.folder / "params.yaml").read_text())[1]
        if mode not in known:
            known[mode] = outcome(once(f"whole-{mode}", lambda folder: prepared(mode).copy(folder).must(*STAGE)))
        return known[mode]

    return of


@pytest.fixture
def stopped(prepared, once, tmp_path):
    """A project whose training was asked to end: there is a checkpoint of its beginning, and one of its end."""

    def make(folder):
        project = prepared("graph").copy(folder)
        with started(project, *STAGE) as process:
            until_saved(project, process)
            process.terminate()
            assert answer(process).code == 143
        assert len(numbers(folder / "checkpoints")) >= 2

    return copied_with_runs(once("stopped", make), tmp_path / "echo")


def outcome(project):
    assert not numbers(project.folder / "checkpoints")
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
    reports = [project.read(f"reports/training/{name}") for name in ("metrics.json", "epochs.csv", "validation.csv")]
    return project.read(WEIGHTS), reports, {key: points(project, key) for key in METRICS}


def test_a_killed_training_goes_on_to_the_same_bits_in_the_same_run(project, whole):
    assert killed(project, *STAGE, pause=0.5)
    resumed = project.must(*STAGE)
    assert re.search(r"note: training resumes after step [\d,]+, from checkpoints/\d+", resumed.err)
    assert outcome(project) == whole(project)
    _, _, metrics = whole(project)
    assert [step for step, _ in metrics["train/loss"]] == list(range(1, EPOCHS["graph"] + 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "project"),
    [(STAGE, "xla"), (DVC, "graph")],
    indirect=["project"],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_killed_at_random_again_and_again(project, command, whole):
    chance = random.Random(len(command))
    kills = sum(killed(project, *command, pause=chance.uniform(0, 0.7)) for _ in range(3))
    assert kills >= 2
    project.must(*command)
    assert outcome(project) == whole(project)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_end_it_saves_and_says_how_to_go_on(number, code, project, whole):
    with started(project, *STAGE) as process:
        until_saved(project, process)
        process.send_signal(number)
        said = answer(process)
    assert said.code == code
    (sentence,) = (line for line in said.err.splitlines() if "stopped" in line)
    steps, of, command = re.fullmatch(r"stopped after step ([\d,]+) of (.*); to resume: (.*)", sentence).groups()
    assert of == f"{EPOCHS['graph'] * STEPS:,}"
    assert "Traceback" not in said.err
    (run,) = project.runs()
    assert run.info.status == "KILLED"

    resumed = project.must(*shlex.split(command))
    assert f"training resumes after step {steps}," in resumed.err
    assert outcome(project) == whole(project)


@pytest.mark.slow
def test_the_second_signal_ends_it_at_once(project, whole):
    with started(project, *STAGE) as process:
        until_saved(project, process)
        process.send_signal(signal.SIGSTOP)  # both arrive before it can do anything about the first
        for number in (signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        said = answer(process)
    assert said.code in (-signal.SIGINT, -signal.SIGTERM, 143, 130)
    project.must(*STAGE)
    assert outcome(project) == whole(project)


@pytest.mark.slow
def test_ctrl_c_under_dvc(project, whole):
    with started(project, *DVC) as process:
        until_saved(project, process)
        # A terminal sends it to all processes in front.
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            each.send_signal(signal.SIGINT)
        said = answer(process)
    assert said.code != 0
    assert "to resume: dvc repro" in said.err
    project.must(*DVC)
    assert outcome(project) == whole(project)


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])  # one may stay between DVC and the stage, one never does
def test_a_killed_dvc_takes_its_training_with_it_and_the_next_one_goes_on(shell, project, whole, monkeypatch):
    monkeypatch.setenv("SHELL", shell)
    with started(project, *DVC) as process:
        until_saved(project, process)
        process.kill()  # and nothing else
        process.wait()
        resumed = project.run(*DVC)  # at once
    assert resumed.code == 0, resumed.err
    assert "training resumes after step" in resumed.err
    assert outcome(project) == whole(project)


@pytest.mark.slow
def test_a_second_training_is_refused_while_one_is_at_work(project):
    with started(project, *STAGE) as process:
        until_saved(project, process)
        process.send_signal(signal.SIGSTOP)
        second = project.run(*IMPATIENT, "--stage")
        process.send_signal(signal.SIGCONT)
    assert second.code == 2
    assert re.search(rf"^note: training: .*\b{process.pid}; waiting", second.err, flags=re.MULTILINE)
    assert second.code_of_error == "folder.busy"
    assert second.sentence.endswith(f"kill {process.pid}")


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(stopped, whole):
    newest = stopped.folder / "checkpoints" / f"{max(numbers(stopped.folder / 'checkpoints')):06}" / "arrays.npz"
    newest.write_bytes(newest.read_bytes()[:-1])
    said = stopped.must(*STAGE).err
    assert re.search(r"note: checkpoints/\d+/arrays.npz: expected \d+ bytes, got \d+; the checkpoint before", said)
    assert outcome(stopped) == whole(stopped)


@pytest.mark.slow
def test_where_all_are_damaged_nothing_begins_anew(stopped):
    for file in stopped.folder.glob("checkpoints/*/arrays.npz"):
        file.write_bytes(b"")
    before = {path: path.read_bytes() for path in stopped.folder.rglob("checkpoints/*/*")}
    refused = stopped.run(*STAGE)
    assert refused.code == 2
    assert "expected a checkpoint that is whole, got" in refused.err
    assert "remove the folder to train from the beginning" in refused.err
    assert {path: path.read_bytes() for path in stopped.folder.rglob("checkpoints/*/*")} == before


@pytest.mark.slow
def test_other_settings_begin_anew_and_say_so(stopped):
    stopped.edit("params.yaml", "values: {", "values: {optimizer: {learning_rate: 0.2}, ")
    said = stopped.must(*DVC).err
    assert "training starts from the beginning" in said
    assert "optimizer.learning_rate (0.3 → 0.2)" in said
    (aside,) = (stopped.folder / "checkpoints").glob("set-aside-*")
    assert numbers(aside)
    old, new = stopped.runs()
    assert (old.info.status, new.info.status) == ("KILLED", "FINISHED")
    assert new.data.params["optimizer.learning_rate"] == "0.2"


@pytest.mark.slow
def test_what_may_change_last_bits_is_said_and_marked(stopped):
    stopped.edit("params.yaml", "values: {", "values: {runtime: {threads: 1}, ")
    said = stopped.must(*DVC).err
    assert "last bits may differ" in said
    assert "runtime.threads (2 → 1)" in said
    (run,) = stopped.runs()
    assert run.data.tags["resumed.other_bits"] == "runtime.threads (2 → 1)"


@pytest.mark.slow
def test_a_store_that_does_not_know_the_run_gets_a_new_one_with_all_points(stopped, whole):
    (before,) = {stopped.json(path)["run_id"] for path in stopped.folder.glob("checkpoints/*/checkpoint.json")}
    for file in stopped.folder.glob("mlflow.db*"):
        file.unlink()
    shutil.rmtree(stopped.folder / "outbox", ignore_errors=True)
    assert "; a new run is opened" in stopped.must(*STAGE).err
    (run,) = stopped.runs()
    assert run.data.tags["began_in"] == before
    assert outcome(stopped) == whole(stopped)


@pytest.mark.slow
def test_a_job_of_hydra_goes_on_in_its_folder_to_the_bits_of_the_stage(project, whole):
    overrides = [f"trainer.epochs={EPOCHS['graph']}", "trainer.compile=graph", "trainer.checkpoint.seconds=0"]
    command = ("python", "-m", "pipelines.train", "experiment=debug", *overrides)
    with started(project, *command) as process:
        (folder,) = until(lambda: list(project.folder.glob("outputs/*/*")))
        until_saved(project, process, folder=folder / "checkpoints")
        process.terminate()
        said = answer(process)
    assert said.code == 143
    again = re.search(r"to resume: (.*)", said.err)[1]
    assert again == shlex.join([*command, f"hydra.run.dir={folder.relative_to(project.folder)}"])
    assert "training resumes after step" in project.must(*shlex.split(again)).err
    assert (folder / WEIGHTS).read_bytes() == whole(project)[0]
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
