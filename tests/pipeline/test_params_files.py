import hashlib
from contextlib import suppress

import pytest

from features.errors import InputError
from pipeline import params

MODELS = "models: {m: {}}\n"


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Run the command on a params.yaml of this text; returns what it says."""
    monkeypatch.chdir(tmp_path)

    def check(text):
        (tmp_path / "params.yaml").write_text(text)
        with suppress(SystemExit):
            params.main([])
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    return check


def test_the_files_own_mistakes_end_the_command(check):
    said = check("models: {m: {netwrok: unimodal}}")
    assert said.startswith("Error: models.m.netwrok is not a known key (params.yaml line 1)")
    assert said.endswith("; correct params.yaml.\n")


def test_a_missing_corpus_is_found(check, tmp_path):
    said = check(f"{MODELS}corpus:\n  name: folder\n  root: /nowhere/at all\n")
    assert said.startswith(
        "Error: corpus.root is '/nowhere/at all', which does not exist (params.yaml line 4); "
    )
    assert "in order" in check(f"{MODELS}corpus: {{name: folder, root: {tmp_path}}}")
    said = check(f"{MODELS}corpus: {{name: folder, root: {'long' * 100}}}")
    assert "which cannot be read (File name too long)" in said


def test_a_relative_root_is_explained_in_an_experiment_s_own_folder(check, tmp_path, monkeypatch):
    """`dvc exp run --temp` and `--queue` run where what git does not follow is not."""
    (tmp_path / "clips").mkdir()
    text = f"{MODELS}corpus: {{name: folder, root: clips}}"
    assert "in order" in check(text)
    experiment = tmp_path / ".dvc/tmp/exps/tmp0a1b"
    experiment.mkdir(parents=True)
    monkeypatch.chdir(experiment)
    (experiment / "params.yaml").write_text(text)
    with pytest.raises(InputError, match="for this experiment: write its whole path") as caught:
        params.check_params()
    assert caught.value.reason.startswith("corpus.root is 'clips', which does not exist in the")
    (experiment / "params.yaml").write_text(text.replace("clips", str(tmp_path / "clips")))
    params.check_params()


def test_a_missing_or_another_model_file_is_found(check, tmp_path):
    model = tmp_path / "yunet.onnx"
    digits = hashlib.sha256(b"model").hexdigest()
    text = (
        f"{MODELS}corpus: {{name: folder, root: .}}\nfaces:\n  detector: yunet\n"
        f"  models:\n    yunet:\n      path: {model}\n      sha256: {digits}\n"
    )
    said = check(text)
    assert (
        f"faces.models.yunet.path is '{model}', which does not exist (params.yaml line 7)" in said
    )
    model.mkdir()
    assert "which is a folder, not a file" in check(text)
    model.rmdir()
    model.write_bytes(b"other")
    assert f"which has the sha256 {hashlib.sha256(b'other').hexdigest()}, not {digits} (" in check(
        text
    )
    model.write_bytes(b"model")
    assert "params.yaml is in order" in check(text)


def test_the_projects_own_file_is_in_order(monkeypatch, tmp_path, capsys):
    """On a fresh clone: nothing that it names has to be made or fetched first."""
    from tests.helpers.project import Project

    project = Project(tmp_path)
    monkeypatch.chdir(project.folder)
    params.main([])
    assert "params.yaml is in order" in capsys.readouterr().err


def test_the_first_stage_of_dvc_repro_looks_for_files_too(monkeypatch, tmp_path, capsys):
    from pipeline import keys

    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(MODELS + "corpus: {name: folder, root: nowhere}\n")
    with pytest.raises(SystemExit):
        keys.main()
    assert "corpus.root is 'nowhere', which does not exist" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
