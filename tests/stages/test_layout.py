"""The project's folder is found from any folder below it and from DVC's temporary clones."""

from echo_rnn.environment import code_root
from echo_rnn.stages.layout import project_root


def test_the_project_of_a_temporary_clone_is_the_one_that_dvc_names(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    project, clone = tmp_path / "project", tmp_path / "clone"
    (clone / "deep").mkdir(parents=True)
    project.mkdir()
    (clone / "dvc.yaml").touch()
    monkeypatch.chdir(clone / "deep")
    assert project_root() == code_root() == clone
    monkeypatch.setenv("DVC_ROOT", str(project))
    assert (project_root(), code_root()) == (project, clone)


def test_without_a_pipeline_the_project_is_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert project_root() == tmp_path
