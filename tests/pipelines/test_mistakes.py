"""What goes wrong in a stage ends in one sentence and a code that says so, with nothing overwritten."""

import re
import socket

import pytest


def replaced(project, file, change):
    path = project.folder / file
    content = path.read_bytes()
    path.unlink()  # it may be a link into DVC's cache
    path.write_bytes(change(content))


def cut(content):
    return content[: len(content) // 2]


def flipped(content):
    return content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]


@pytest.mark.parametrize(
    ("file", "change", "stage", "sentence"),
    [
        (
            "data/train_x.npy",
            cut,
            "train",
            r"data/train_x.npy: expected \d+ bytes, got \d+; .*`[^`]*dvc repro generate`",
        ),
        (
            "data/test_y.npy",
            flipped,
            "evaluate",
            r"data/test_y.npy: expected SHA-256 \w+, got \w+; .*`[^`]*dvc repro generate`",
        ),
        ("data/dataset.json", lambda _: b"", "train", "data/dataset.json: expected JSON, got text that is not"),
        (
            "models/weights.npz",
            flipped,
            "evaluate",
            "models/weights.npz: expected SHA-256 .*; .*`[^`]*dvc repro train`",
        ),
        ("models/weights.npz", lambda _: b"no model", "evaluate", "models/weights.npz: expected .* bytes, got 8"),
        ("models/model.json", lambda _: b"[]", "evaluate", r"models/model.json: expected trained network format \d"),
        ("build/config.yaml", cut, "train", "build/config.yaml"),
    ],
)
def test_a_damaged_file_is_named(project, file, change, stage, sentence):
    replaced(project, file, change)
    before = project.made()
    answer = project.stage(stage, *(["--stage"] if stage == "train" else []))
    assert answer.code == 2
    assert re.search(sentence, answer.sentence)
    assert project.made() == before


def test_a_server_that_does_not_answer_is_named_before_training(project):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    before = project.made()
    answer = project.stage("train", "--stage", MLFLOW_TRACKING_URI=address)
    assert answer.code == 2
    assert f"tracking server: {address} does not answer" in answer.sentence
    assert project.made() == before


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_training_and_keeps_the_last_good_variables(project):
    project.edit("params.yaml", "values: {}", "values: {optimizer: {learning_rate: 1.0e+38}}")
    before = project.made()
    answer = project.run("dvc", "repro")
    assert answer.code != 0
    assert re.search(r"expected a finite .* step \d+ \(epoch \d+, window \d+\)", answer.sentence), answer.sentence
    assert list(project.folder.glob("checkpoints/*/checkpoint.json"))
    changed = {name for name, content in project.made().items() if before.get(name) != content}
    assert changed == {"build/config.yaml"}
    (run,) = project.runs()
    assert run.info.status == "FAILED"
    assert run.data.tags["non_finite"] in answer.sentence


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("unroll=statc", "unroll: expected one of .* got 'statc' .did you mean static"),
        ("task.echo_stp=3", "task.echo_stp: .*did you mean echo_step"),
        ("task.batch_size=-1", "task.batch_size: expected a number at least 1, got -1; change it in the command line"),
        ("task.echo_step=50000", "task.echo_step: expected .* got 50000"),
        ("task.series_length=50", "task.series_length: expected .* got 50"),
        ("task.batch_size=7", "task.batch_size: expected .* got 7"),
        ("trainer.window=20000", "trainer.window: expected .* got 20000"),
        ("task=5", "the command line or conf/"),
        ("task.series_length=1000000000000", "data: expected series that fit into the .* MiB free on this disk"),
        ("model.units=549755813888", "model.units: expected a network that trains in the .* GiB of memory"),
        (
            "task.batch_size=${oc.env:HOME}",
            "task.batch_size: expected a value, .* calls a function; change it in the command line",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_named(unused, override, sentence):
    answer = unused.stage("train", override)
    assert answer.code == 2
    assert re.search(sentence, answer.sentence), answer.sentence
    assert not (unused.folder / "mlflow.db").exists()
    assert unused.made() == {}


def test_a_port_that_is_none(unused):
    answer = unused.stage("ui", "many")
    assert answer.code == 2
    assert answer.code_of_error == "ui.arguments"
    assert "'many'" in answer.sentence
