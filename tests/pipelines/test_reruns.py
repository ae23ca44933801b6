"""Under plain `dvc repro` a change reruns the stages that use what changed, and no other."""

import hashlib
import re
import shutil

import pytest


def test_nothing_changed_means_nothing_runs(project):
    before = project.made()
    assert project.must("dvc", "repro").stages == []
    assert project.made() == before


@pytest.mark.slow
def test_an_edited_optimizer_retrains_and_does_not_regenerate_and_the_way_back_runs_nothing(project):
    before = project.made()
    project.edit("conf/optimizer/adagrad.yaml", "learning_rate: 0.3", "learning_rate: 0.2")
    answer = project.must("dvc", "repro")
    assert answer.stages == ["compose", "train", "evaluate"]
    assert project.read("data/dataset.json") == before["data/dataset.json"]
    assert project.read("models/weights.npz") != before["models/weights.npz"]

    project.edit("conf/optimizer/adagrad.yaml", "learning_rate: 0.2", "learning_rate: 0.3")
    assert project.must("dvc", "repro").stages == ["compose"]
    assert project.made() == before

    # The last results came out of the run cache: they outlive a stage that fails all the same.
    project.edit("params.yaml", "values: {}", "values: {model: {units: 300000}}")
    answer = project.run("dvc", "repro")
    assert answer.stages == ["compose", "train"]
    assert answer.code_of_error == "memory.too_little"
    assert unchanged(project, before)


def unchanged(project, before):
    """Whether all is there as before, besides the configuration."""
    return project.made() | {"build/config.yaml": b""} == before | {"build/config.yaml": b""}


@pytest.mark.slow
def test_an_edited_task_regenerates(project):
    project.edit("conf/task/echo.yaml", "echo_step: 3", "echo_step: 2")
    assert project.must("dvc", "repro").stages == ["compose", "generate", "train", "evaluate"]
    assert project.json("data/dataset.json")["task"]["parameters"]["echo_step"] == 2


def test_an_option_that_is_not_chosen_reruns_composition_only(project):
    project.edit("conf/optimizer/adam.yaml", "learning_rate: 0.01", "learning_rate: 0.02")
    before = project.made()
    assert project.must("dvc", "repro").stages == ["compose"]
    assert project.made() == before


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("values: {}", "values: {trainer: {epoch: 3}}", "trainer.epoch: .*did you mean epochs.*params.yaml"),
        (
            "values: {}",
            "values: {task: {batch_size: 0}}",
            "task.batch_size: expected a number at least 1, got 0; .*params.yaml",
        ),
        ("optimizer: null", "optimizer: adagrat", "optimizer: .*did you mean adagrad.*params.yaml"),
    ],
)
def test_a_mistake_stops_at_composition_before_anything_is_overwritten(project, old, new, sentence):
    before = project.made()
    project.edit("params.yaml", old, new)
    answer = project.run("dvc", "repro")
    assert answer.code != 0
    assert answer.stages == ["compose"]
    assert re.search(sentence, answer.sentence)
    assert project.made() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["data/test_x.npy", "models/weights.npz"])
def test_a_file_that_rots_in_the_cache_is_healed_by_the_command_of_the_sentence(project, name):
    whole = (project.folder / name).read_bytes()
    digest = hashlib.md5(whole).hexdigest()
    kept = project.folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    kept.chmod(0o644)
    kept.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    kept.chmod(0o444)
    shutil.rmtree((project.folder / name).parent)
    project.must("dvc", "checkout")

    answer = project.run("dvc", "repro", "--force", "--single-item", "evaluate")
    assert answer.code != 0
    (remedy,) = re.findall("`(.*?)`", answer.sentence)
    project.must("bash", "-c", remedy)
    project.must("dvc", "repro")
    shutil.rmtree((project.folder / name).parent)
    project.must("dvc", "checkout")
    assert (project.folder / name).read_bytes() == whole
