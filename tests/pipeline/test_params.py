import copy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from features.errors import InputError
from models.settings import NetworkSize, TrainSettings
from pipeline import params
from pipeline.engine.execution import ExecutionSettings
from pipeline.params import load_params

OWN = Path(__file__).parents[2] / "params.yaml"
YAML_OF_OWN = YAML(typ="safe", pure=True).load(OWN)


@pytest.fixture
def load(tmp_path):
    """Load a params.yaml of this text."""

    def load(text):
        file = tmp_path / "params.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_params(file)

    return load


@pytest.fixture
def change(tmp_path):
    """Load the repository's params.yaml with one key set to another value."""

    def change(key, value):
        content = copy.deepcopy(YAML_OF_OWN)
        *sections, last = key.split(".")
        section = content
        for name in sections:
            section = section[name]
        section[last] = value
        with (tmp_path / "params.yaml").open("w") as file:
            YAML(typ="safe", pure=True).dump(content, file)
        return load_params(tmp_path / "params.yaml")

    return change


def test_the_repositorys_own_file_loads():
    loaded = load_params(OWN)
    strategies = {name: model.ablation.strategy for name, model in loaded.models.items()}
    assert strategies == {
        "baseline": "none",
        "clip_zero": "clip_zero",
        "frame_zero": "frame_zero",
        "frame_repeat": "frame_repeat",
        "video_only": "none",
        "audio_only": "none",
        "lacuna": "mixed",
    }
    assert loaded.corpus.is_synthetic


def test_saved_params_load_as_they_were(load):
    loaded = load_params(OWN)
    assert load(loaded.model_dump_json()) == loaded


def test_the_defaults_are_the_papers(load):
    loaded = load("models: {baseline: {}}")
    assert loaded.train.network == NetworkSize(dim=512, heads=4, ffn=512, layers=2)
    assert TrainSettings().learning_rate == 1e-4
    assert loaded.windows.context_seconds == 2
    assert loaded.windows.clip_frames == 100
    assert loaded.faces.size == 96
    lost = {grid.strategy: grid.p for grid in loaded.evaluate.conditions}
    assert lost == {
        "clip_zero": [1, 0.7, 0.5, 0.3, 0],
        "frame_zero": [1, 0.95, 0.9, 0.85, 0],
        "frame_repeat": [1, 0.95, 0.9, 0.85, 0],
    }
    assert all(grid.modality == ["audio", "video"] for grid in loaded.evaluate.conditions)
    assert loaded.evaluate.trials == 10


WRONG = [
    # unknown keys
    ("faces.marign", 0.2, "faces.marign is not a known key"),
    ("train.network.dims", 64, "train.network.dims is not a known key"),
    ("models.frame_zero.ablation.q", 0.5, "models.frame_zero.ablation.q is not a known key"),
    ("everything", 1, "everything is not a known key"),
    # wrong types
    ("train.learning_rate", "1e-4", "train.learning_rate should be a valid number, not '1e-4'"),
    ("train.epochs", 3.5, "train.epochs should be a valid integer, not 3.5"),
    ("train.epochs", 3.0, "train.epochs should be a valid integer, not 3.0"),
    ("train.epochs", True, "train.epochs should be a valid integer, not True"),
    ("fc6.rectify", "yes", "fc6.rectify should be a valid boolean, not 'yes'"),
    ("train.seeds", 0, "train.seeds should be a valid list, not 0"),
    ("corpus.exclude", ["clip"], "corpus.exclude should be a valid dictionary"),
    ("corpus.exclude", {"clip": None}, "corpus.exclude.clip should be a valid string, not empty"),
    ("faces", None, "faces should be keys with values, not empty"),
    ("faces", [], r"faces should be keys with values, not \[\]"),
    # impossible values
    ("models.frame_zero.ablation.p", 1.5, "models.frame_zero.ablation.p should be less than"),
    ("models.frame_zero.ablation.p", -0.1, "models.frame_zero.ablation.p should be greater than"),
    ("models.frame_zero.ablation.p", float("nan"), "models.frame_zero.ablation.p should be a fin"),
    (
        "evaluate.conditions",
        [{"strategy": "clip_zero", "p": [0.5, 2]}],
        "evaluate.conditions.0.p.1 should be less than or equal to 1",
    ),
    ("train.learning_rate", float("inf"), "train.learning_rate should be a finite number"),
    ("train.learning_rate", 0, "train.learning_rate should be greater than 0"),
    ("train.heldout", 1, "train.heldout should be less than 1"),
    ("train.seeds", [0, 1, 0], r"train: seeds \[0, 1, 0\] name one seed twice"),
    ("train.seeds", [-1], "train.seeds.0 should be greater than or equal to 0, not -1"),
    ("train.seeds", [], "train.seeds should name at least one"),
    ("evaluate.seed", -1, "evaluate.seed should be greater than or equal to 0"),
    ("corpus.split.seed", -1, "corpus.split.seed should be greater than or equal to 0"),
    ("train.network.dim", 66, "train.network: dim 66 is not a multiple of heads 4"),
    ("windows.context_seconds", 0.01, "windows.context_seconds should be greater"),
    ("windows.clip_frames", 0, "windows.clip_frames should be greater than 1"),
    (
        "corpus.name",
        "affwild3",
        "corpus.name should be 'demo', 'folder', .* or 'cmu_mosei', not 'affwild3'",
    ),
    ("corpus.split", {"validation": 0.5, "test": 0.5}, "corpus.split: .* no train speaker"),
    ("corpus.demo.clips", 4, "corpus.demo: 4 clips cannot give each of 16 speakers one"),
    ("corpus", {"name": "folder"}, "corpus: root must name the folder"),
    ("fc6.weights", "vggface.h5", "fc6: sha256 of the weights file is missing"),
    ("fc6.sha256", "abc", "fc6.sha256 should match pattern"),
    ("models", {}, "models should name at least one"),
    ("models.a b", {}, "models.a b should match pattern"),
    ("models.baseline.network", "lstm", "models.baseline.network: there is no network 'lstm'"),
    ("models.baseline.modalities", ["audio"], "models.baseline: network crossmodal takes 2"),
    ("models.baseline.modalities", ["audio", "audio"], "models.baseline: network crossmodal"),
    ("models.video_only.modalities", ["audio", "video"], "models.video_only: network unimodal"),
    ("models.baseline.modalities", ["text"], "models.baseline.modalities.0 should be"),
    (
        "models.video_only.ablation",
        {"strategy": "frame_zero", "modality": "audio"},
        "models.video_only: ablation takes audio away, which the model does not see",
    ),
    (
        "models.audio_only.ablation",
        {"strategy": "frame_zero", "modality": "both"},
        "models.audio_only: ablation takes video away, which the model does not see",
    ),
    (
        "models.video_only.ablation",
        {"strategy": "mixed"},
        "models.video_only: ablation takes audio",
    ),
    ("models.baseline.preset", "vaswani", "models.baseline.preset: there is no preset 'vaswani'"),
    (
        "models.video_only.preset",
        "chumachenko2022",
        "models.video_only: preset chumachenko2022 has no network unimodal, it has fusion",
    ),
    ("models.baseline.size", {"dims": 8}, "models.baseline.size.dims is not a known key"),
    ("models.baseline.size", {"dim": 30}, "models.baseline.size: dim 30 is not a multiple of"),
    ("models.baseline.options", {"kind": "ia"}, "models.baseline.options.kind is not a known key"),
    ("models.baseline.options", {"alone": "no"}, "models.baseline.options.alone should be 'fused'"),
    ("models.baseline.train", {"epoch": 3}, "models.baseline.train.epoch is not a known key"),
    ("models.baseline.train", {"epochs": 0}, "models.baseline.train.epochs should be greater"),
    ("models.baseline.train", {"seeds": [1]}, "models.baseline.train: seeds is set in the section"),
    ("models.baseline.train", {"network": {}}, "models.baseline.train: network is set in size"),
    (
        "models.baseline.train",
        {"decay": "plateau", "patience": 6},
        "models.baseline.train: patience 6 ends training before decay_epochs 5",
    ),
    ("execution.workers", 0, "execution.workers should be greater than 0"),
    ("execution.device", "tpu", "execution.device should be 'auto', 'cpu' or 'cuda', not 'tpu'"),
]


@pytest.mark.parametrize(("key", "value", "message"), WRONG)
def test_a_mistake_is_one_sentence_that_names_the_key(change, key, value, message):
    with pytest.raises(InputError, match=rf"params\.yaml: {message}") as caught:
        change(key, value)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "pydantic" not in sentence
    assert len(sentence) < 300


def test_a_mistake_that_a_presets_value_makes_is_named(change):
    """Eight heads would divide the shared size, and do not divide the preset's."""
    with pytest.raises(InputError, match=r"models\.baseline\.size: dim 130 is not a multiple of"):
        change("models.baseline", {"preset": "goncalves2022", "size": {"heads": 8}})


def test_mistakes_of_several_models_are_all_named(load):
    with pytest.raises(InputError) as caught:
        load("models: {a: {size: {dim: 3}}, b: {}, c: {options: {no: 1}, train: {no: 1}}}")
    for key in ("models.a.size: dim 3", "models.c.options.no is", "models.c.train.no is"):
        assert key in caught.value.reason
    assert "models.b" not in caught.value.reason


def test_what_a_model_comes_to(load):
    loaded = load(
        "{train: {epochs: 7}, models: {a: {}, b: {preset: parthasarathy2021, size: {dim: 64}}}}"
    )
    assert loaded.resolved("a").train == loaded.train
    b = loaded.resolved("b")
    assert (b.size.dim, b.train.learning_rate, b.train.epochs) == (64, 1e-5, 7)
    with pytest.raises(InputError, match="no model named c"):
        loaded.resolved("c")


def test_several_mistakes_are_all_named(load):
    with pytest.raises(InputError) as caught:
        load("models: {m: {}}\ntrain: {epochs: 0, heldout: 2}\nface: {}")
    for key in ("train.epochs", "train.heldout", "face is not a known key"):
        assert key in caught.value.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file should be keys with values, not empty"),
        ("# only a comment\n", "the file should be keys with values, not empty"),
        ("- corpus\n- faces\n", "the file should be keys with values, not .'corpus', 'faces'"),
        ("corpus", "the file should be keys with values, not 'corpus'"),
        ("{}", "models is missing"),
        ("models: {1: {}}", "models.1 should be a valid string, not 1"),
        ("models: {m: {}}\ncorpus: {name: [}", "not valid YAML .line 2: "),
        ("models: {m: {}}\nmodels: {}", 'not valid YAML .line 2: found duplicate key "models"'),
        ("models: {m: {}}\n\tfaces: {}", "not valid YAML .line 2: "),
        ("models: !!python/object:os.system {}", "not valid YAML .line 1: "),
        ("models: *nothing", "not valid YAML .line 1: found undefined alias"),
        (b"models: \xe9", "not valid YAML "),
        (b"\x00\x01", "not valid YAML "),
    ],
)
def test_broken_files(load, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load(text)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"there is no .*params\.yaml here; run from the top"):
        load_params(tmp_path / "params.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        load_params(tmp_path)


def test_a_model_that_is_not_there(load):
    loaded = load("models: {one: {}, two: {}}")
    assert loaded.model("two").network == "crossmodal"
    with pytest.raises(InputError, match="no model named three; it has one, two"):
        loaded.model("three")


def test_checking_the_file_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("models: {m: {}}")
    params.main()
    assert "params.yaml is in order" in capsys.readouterr().err
    (tmp_path / "params.yaml").write_text("models: {m: {netwrok: unimodal}}")
    with pytest.raises(SystemExit) as caught:
        params.main()
    assert caught.value.code == 1
    assert "Error: params.yaml: models.m.netwrok is not a known key" in capsys.readouterr().err


# ------------------------------------------------------------------ execution


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LACUNA_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert ExecutionSettings().cache_folder == tmp_path / ".cache/lacuna"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert ExecutionSettings().cache_folder == tmp_path / "xdg/lacuna"
    monkeypatch.setenv("LACUNA_CACHE", "~/mine")
    assert ExecutionSettings().cache_folder == tmp_path / "mine"
    assert ExecutionSettings(cache="~/set").cache_folder == tmp_path / "set"


def test_processes_and_device():
    assert ExecutionSettings(workers=3).processes == 3
    assert ExecutionSettings().processes >= 1
    assert ExecutionSettings(device="cpu").torch_device == "cpu"
