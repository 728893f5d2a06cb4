from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from features.corpora.listing import INPUTS
from features.errors import InputError
from features.task import Task
from models import recogniser
from models.evaluation.evaluator import predict
from models.settings import TrainSettings
from models.training import trainer
from models.training.checks import check_settings
from models.training.stores import Inputs
from pipeline import evaluate, train
from pipeline.params import Params, load_params
from pipeline.train import parts, seed_key, split_speakers, training_items
from tests.helpers.corpus_items import corpus_item
from tests.helpers.planted import planted_sequences


def item(name, speaker, split="train", *, labelled=True):
    return corpus_item(name, speaker=speaker, split=split, labelled=labelled)


def corpus(speakers, clips=3):
    return [item(f"s{s}c{c}", f"speaker{s}") for s in range(speakers) for c in range(clips)]


# ------------------------------------------------------------------ whose clips


def test_training_items_are_the_labelled_ones_of_the_train_split():
    items = [
        item("a", "1"),
        item("b", "2", labelled=False),
        item("c", "3", "validation"),
        item("d", "4", "test"),
    ]
    assert training_items(items, 0.2) == items[:1]
    assert training_items(items, "validation") == [items[0], items[2]]
    for heldout in (0.2, "validation"):
        with pytest.raises(InputError, match="no item of the train split has labels"):
            training_items(items[1:], heldout)


@pytest.mark.parametrize(
    ("speakers", "share", "heldout"),
    [(2, 0.01, 1), (2, 0.99, 1), (5, 0.2, 1), (10, 0.2, 2), (10, 0.5, 5), (10, 0.99, 9)],
)
def test_whole_speakers_are_held_out(speakers, share, heldout):
    items = corpus(speakers)
    speaker_of = {i.item: i.speaker for i in items}
    for seed in range(5):
        learning, chosen_by = split_speakers(items, share, seed)
        assert sorted(learning + chosen_by) == sorted(speaker_of)
        sides = [{speaker_of[name] for name in side} for side in (learning, chosen_by)]
        assert sides[0].isdisjoint(sides[1])
        assert [len(side) for side in sides] == [speakers - heldout, heldout]


def test_the_seed_draws_the_speakers():
    items = corpus(10)
    drawn = [tuple(split_speakers(items, 0.3, seed)[1]) for seed in range(10)]
    assert drawn == [tuple(split_speakers(items, 0.3, seed)[1]) for seed in range(10)]
    assert len(set(drawn)) > 5
    order = sorted(split_speakers(items[::-1], 0.3, 4)[1])
    assert order == sorted(drawn[4])


def test_one_training_speaker_is_too_few():
    with pytest.raises(InputError, match=r"train\.heldout needs two training speakers"):
        split_speakers(corpus(1), 0.2, 0)


def test_the_validation_split_can_choose_the_epoch():
    items = [*corpus(3), item("v", "9", "validation")]
    learning, chosen_by = parts(items, "validation", 0)
    assert learning == [i.item for i in items[:-1]]
    assert chosen_by == ["v"]
    assert parts(items[:-1], 0.4, 1) == split_speakers(items[:-1], 0.4, 1)
    with pytest.raises(InputError, match="no labelled item is in that split"):
        parts(items[:-1], "validation", 0)


# ------------------------------------------------------------------ what cannot be trained

AFFECT = Task()
DIMENSIONS = Task(level="sequence")
CPU = torch.device("cpu")
CLASSES = Task(kind="classification", level="sequence", outputs=("anger", "joy"))


def settings(**sections):
    return Params.model_validate({"models": {"mine": {}}} | sections)


BLANK = {"strategy": "blank_face"}
OPTIMIZED = {"strategy": "optimized"}


@pytest.mark.parametrize(
    ("sections", "task", "says"),
    [
        (
            {"train": {"heldout": "validation"}, "evaluate": {"split": "validation"}},
            AFFECT,
            "train.heldout and evaluate.split are both validation",
        ),
        (
            {"train": {"class_weights": "balanced"}},
            AFFECT,
            "train.class_weights of mine is balanced, and the corpus has no classes",
        ),
        (
            {"models": {"a": {}, "b": {"train": {"class_weights": "balanced"}}}},
            AFFECT,
            "train.class_weights of b is balanced",
        ),
        (
            {"train": {"batch_clips": 1}},
            DIMENSIONS,
            "train.batch_clips of mine is 1, and one label has no CCC",
        ),
        (
            {"models": {"a": {"ablation": OPTIMIZED, "train": {"batch_clips": 4}}}},
            CLASSES,
            "train.batch_clips of a is 4, of which optimized cannot take its share",
        ),
        (
            {"train": {"teacher": 0.5}},
            AFFECT,
            "train.teacher of mine is set, and it loses nothing",
        ),
        (
            {
                "models": {
                    "a": {
                        "network": "unimodal",
                        "sees": ["lld"],
                        "train": {"teacher": 0.5},
                        "ablation": {"strategy": "clip_zero", "modality": "audio", "p": 0.5},
                    }
                }
            },
            AFFECT,
            "train.teacher of a is set, and it sees one modality",
        ),
        *(
            (
                {"models": {"a": {"train": {"teacher": 0.5}, "ablation": ablation}}},
                AFFECT,
                f"train.teacher of a is set, and {ablation['strategy']} never takes a whole "
                "modality as it is set",
            )
            for ablation in (
                {"strategy": "clip_zero", "p": 0.0},
                {"strategy": "frame_zero", "p": 0.9},
                {"strategy": "subclip", "p": {"low": 0.1, "high": 0.9}},
                {"strategy": "frame_repeat", "p": 1.0},
                {"strategy": "modality_dropout", "fill": "noise"},
                {"strategy": "mixed", "mixture": {"clips": 0.0}},
            )
        ),
        (
            {"models": {"a": {"network": "auxformer", "options": {"pooling": "mean"}}}},
            AFFECT,
            "options.pooling of a is set, and every frame has labels of its own",
        ),
        (
            {"models": {"a": {"ablation": BLANK}}},
            AFFECT,
            "models.a.ablation.strategy is blank_face, and the corpus gives features",
        ),
        (
            {"evaluate": {"conditions": [{**BLANK, "modality": ["video"], "p": [0.5]}]}},
            AFFECT,
            "evaluate.conditions has blank_face, and the corpus gives features",
        ),
    ],
)
def test_what_would_mislead_is_refused(sections, task, says):
    with pytest.raises(InputError, match=says):
        check_settings(settings(**sections), task, gives_features=True)


@pytest.mark.parametrize("stage", [train, evaluate])
def test_training_and_evaluation_refuse_it_before_any_work(tmp_path, monkeypatch, capsys, stage):
    monkeypatch.chdir(tmp_path)
    sections = "train: {heldout: validation}\nevaluate: {split: validation}\n"
    Path("params.yaml").write_text("models: {mine: {}}\n" + sections)
    monkeypatch.setattr("sys.argv", ["stage", "mine"])
    monkeypatch.setattr(stage, "read_task", lambda: AFFECT)
    monkeypatch.setattr(stage, "read_facts", lambda: {"gives_features": False})
    with pytest.raises(SystemExit) as caught:
        stage.main()
    assert caught.value.code == 1
    assert "are both validation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sections", "task"),
    [
        ({"train": {"heldout": "validation"}}, AFFECT),
        ({"evaluate": {"split": "validation"}}, AFFECT),
        ({"train": {"class_weights": "balanced", "batch_clips": 1}}, CLASSES),
        ({"train": {"batch_clips": 1}}, AFFECT),
        ({"models": {"a": {"ablation": BLANK}}}, AFFECT),
        ({"models": {"a": {"ablation": OPTIMIZED, "train": {"batch_clips": 5}}}}, CLASSES),
        ({"models": {"a": {"network": "auxformer", "options": {"pooling": "mean"}}}}, CLASSES),
        ({"models": {"a": {"network": "auxformer", "options": {"pooling": "last"}}}}, AFFECT),
        *(
            ({"models": {"a": {"train": {"teacher": 0.5}, "ablation": ablation}}}, AFFECT)
            for ablation in (
                OPTIMIZED,
                {"strategy": "mixed"},
                {"strategy": "frame_zero", "p": 1.0},
                {"strategy": "clip_zero", "p": {"low": 0.1, "high": 0.9}},
                {"strategy": "modality_dropout", "fill": "soft"},
            )
        ),
        # What no model is trained with does not matter.
        (
            {
                "train": {"batch_clips": 1},
                "models": {"a": {"network": "auxformer", "preset": "goncalves2022"}},
            },
            DIMENSIONS,
        ),
    ],
    ids=str,
)
def test_what_makes_sense_is_not_refused(sections, task):
    check_settings(settings(**sections), task, gives_features=False)


@pytest.fixture
def planted_stores(tmp_path):
    """Stores of a few sequences."""
    task = Task(kind="regression", level="sequence", outputs=["a", "b", "c"])
    return planted_sequences(tmp_path, items=6, task=task)


@pytest.fixture
def planted(planted_stores, monkeypatch):
    """Their items."""
    monkeypatch.setattr(train, "open_stores", lambda _: planted_stores)
    return [item(f"item-{i}", f"speaker{i % 3}") for i in range(6)]


def train_planted(items, folder, heldout=0.2, **model):
    quick = {"epochs": 2, "heldout": heldout, "precision": "fp32", "network": {"dim": 4}}
    params = settings(
        train=quick,
        models={"mine": model},
        execution={"cache": str(folder / "cache"), "device": "cpu"},
    )
    train.train_seed(params, "mine", 0, items, "key", folder / "out")


@pytest.mark.parametrize(
    "model",
    [
        {"options": {"auxiliary": 0.5}, "presence": "marked", "size": {"dim": 8}},
        {
            "network": "auxformer",
            "preset": "goncalves2022",
            "size": {"dim": 10, "ffn": 12, "layers": 1},
            "options": {"auxiliary": False, "pooling": "mean"},
            "train": {"epochs": 1},
            "ablation": OPTIMIZED,
        },
        {"network": "fusion", "preset": "chumachenko2022", "train": {"epochs": 1}},
        {"network": "recurrent", "sees": ["lld"]},
    ],
    ids=str,
)
def test_a_trained_model_is_read_as_it_was(planted, planted_stores, tmp_path, monkeypatch, model):
    monkeypatch.setattr(train, "read_facts", lambda: {"gives_features": False})
    train_planted(planted, tmp_path, **model)
    card, network = recogniser.load(tmp_path / "out")
    shared = {"epochs": 2, "heldout": 0.2, "precision": "fp32", "network": {"dim": 4}}
    expected = settings(train=shared, models={"mine": model}).resolved("mine")
    assert card.train == expected.train.model_copy(update={"seeds": [0]})
    assert card.options == expected.options.model_dump()
    assert card.epochs == expected.train.epochs
    history = pd.read_csv(tmp_path / "out" / train.HISTORY)
    assert list(history) == ["epoch", "train_loss", "heldout", "heldout_loss", "best"]
    assert len(history) == card.epochs
    if expected.train.choose_by == "loss":
        assert history["heldout_loss"].idxmin() == card.best_epoch
    predictions = predict(network, recogniser.clips_of(planted_stores, ["item-0"]), CPU, 4)
    assert predictions["item-0"].shape == (1, 3)
    assert np.isfinite(predictions["item-0"]).all()


def test_a_model_that_goes_on_learns_from_all_training_speakers(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "read_facts", lambda: {"gives_features": False})
    real, seen = trainer.train, []

    def spy(network, learning, heldout, ablation, settings, **rest):
        begun = {name: weights.clone() for name, weights in network.state_dict().items()}
        trained = real(network, learning, heldout, ablation, settings, **rest)
        seen.append((begun, learning.items, heldout, settings, trained, rest["checkpoint"]))
        return trained

    monkeypatch.setattr(trainer, "train", spy)
    train_planted(planted, tmp_path, train={"refit": 3, "learning_rate": 0.01})
    (_, learning, heldout, _, chosen, first), (begun, everyone, none, more, last, second) = seen
    assert sorted([*learning, *heldout.items]) == everyone == [item.item for item in planted]
    assert none is None
    assert all(torch.equal(chosen.weights[name], begun[name]) for name in begun)
    assert (more.epochs, more.learning_rate, len(last.history)) == (3, 0.005, 3)
    assert first != second  # a run that is killed goes on in the part it was in
    card, network = recogniser.load(tmp_path / "out")
    assert (card.epochs, card.best_epoch) == (len(chosen.history), chosen.best_epoch)
    assert all(torch.equal(last.weights[name], w) for name, w in network.state_dict().items())
    assert not all(torch.equal(begun[name], w) for name, w in network.state_dict().items())


class KilledError(Exception):
    pass


def test_teachers_are_trained_before_their_pupil_and_on_the_same_speakers(
    planted, tmp_path, monkeypatch
):
    monkeypatch.setattr(train, "read_facts", lambda: {"gives_features": False})
    real, seen = trainer.train, []

    def spy(network, learning, heldout, ablation, settings, **rest):
        trained = real(network, learning, heldout, ablation, settings, **rest)
        parts = (learning.items, heldout and heldout.items)
        seen.append((network.modalities, parts, ablation, settings, rest["teachers"], trained))
        return trained

    monkeypatch.setattr(trainer, "train", spy)
    train_planted(planted, tmp_path, **TAUGHT)
    assert [modalities for modalities, *_ in seen] == [
        ("audio",),
        ("video",),
        ("audio", "video"),
        ("audio", "video"),
    ]
    assert seen[0][1] == seen[1][1] == seen[2][1]
    for (modality,), _, ablation, settings, none, trained in seen[:2]:
        assert (ablation.strategy, settings.teacher, settings.refit, none) == ("none", 0, 0, None)
        assert settings.network.dim == 8  # as large as the model
        for *_, teachers, _ in seen[2:]:
            assert teachers.weight == 0.7
            taught = teachers.networks[modality].state_dict()
            assert all(torch.equal(taught[name], w) for name, w in trained.weights.items())
    card, _ = recogniser.load(tmp_path / "out")
    assert card.train.teacher == 0.7


TAUGHT = {
    "size": {"dim": 8},
    "train": {"teacher": 0.7, "refit": 1},
    "ablation": {"strategy": "clip_zero", "modality": "either", "p": 0.5},
}


@pytest.mark.parametrize(
    ("own", "killed_in"),
    [({"train": {"refit": 3, "average": 0.9}}, 1), *[(TAUGHT, part) for part in range(4)]],
    ids=["refit", "teacher-audio", "teacher-video", "taught", "taught-refit"],
)
def test_a_run_that_is_killed_in_a_part_ends_with_the_same_weights(
    planted, tmp_path, monkeypatch, own, killed_in
):
    monkeypatch.setattr(train, "read_facts", lambda: {"gives_features": False})
    train_planted(planted, tmp_path / "undisturbed", **own)
    real, calls = trainer.train, []

    def dying(*arguments, on_epoch, **rest):
        phase = len(calls)
        calls.append(phase)

        def stop_after_one(epoch):
            on_epoch(epoch)
            if phase == killed_in and epoch.epoch == 0:
                raise KilledError

        return real(*arguments, on_epoch=stop_after_one, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train", dying)
        with pytest.raises(KilledError):
            train_planted(planted, tmp_path / "killed", **own)
    assert not (tmp_path / "killed/out").exists()
    train_planted(planted, tmp_path / "killed", **own)
    (_, one), (_, other) = (
        recogniser.load(tmp_path / f / "out") for f in ("undisturbed", "killed")
    )
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, other.state_dict()[name]), name


def test_a_refit_that_diverges_is_said(planted, tmp_path, monkeypatch):
    real = trainer.train

    def diverging(network, learning, heldout, *rest, **more):
        trained = real(network, learning, heldout, *rest, **more)
        if heldout is None:
            next(iter(trained.weights.values())).fill_(float("nan"))
        return trained

    monkeypatch.setattr(trainer, "train", diverging)
    with pytest.raises(InputError, match="mine diverged in its refit"):
        train_planted(planted, tmp_path, train={"refit": 1})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"heldout": "validation"}, "refit would learn from the validation split"),
        ({"decay": "step"}, "refit keeps to one learning rate, but decay is step"),
    ],
)
def test_a_refit_that_cannot_be_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        TrainSettings(refit=2, **given)


def test_an_undefined_held_out_score_is_said(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "models.training.trainer.pooled_scores",
        lambda *_: SimpleNamespace(values=lambda: {"ccc": np.full(3, np.nan)}),
    )
    with pytest.raises(InputError, match="the held-out ccc of mine is undefined in every epoch"):
        train_planted(planted, tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_sequence_that_is_too_long_is_an_input_error(planted, tmp_path, monkeypatch):
    monkeypatch.setattr("models.training.data.MAX_SEQUENCE_FRAMES", 4)
    with pytest.raises(InputError, match=r"item-\d has \d+ frames, more than the 4") as caught:
        train_planted(planted, tmp_path)
    assert caught.value.remedy == "cut it with start and end in items.csv"


# ------------------------------------------------------------------ when to train again

PARAMS = {
    "models": "{mine: {}, other: {}}",
    "train": "{}",
    "evaluate": "{}",
    "execution": "{}",
    "faces": "{}",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with stores of two items and a package `models`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("features.hashes.PROJECT", tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "network.py").write_text("LAYERS = 2\n")
    write_manifests()
    return tmp_path


def write_manifests(**changed):
    """The manifest of the items a and b, for every model."""
    facts = {"speaker": "1", "split": "train", "frames": "f", "streams": {"audio": ["s"]}}
    items = {name: facts | {"shown": "x"} for name in ("a", "b")}
    items["b"] |= changed
    for model in ("mine", "other"):
        Inputs({"clip_frames": 100}, items).write(INPUTS / f"{model}.json")


def key(*, name="mine", seed=0, items=None, **sections):
    text = "\n".join(f"{section}: {value}" for section, value in {**PARAMS, **sections}.items())
    Path("params.yaml").write_text(text)
    items = items or [item("a", "1"), item("b", "2")]
    return seed_key(load_params(), name, seed, items)


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"models": "{mine: {ablation: {strategy: frame_zero, p: 0.5}}, other: {}}"},
        {"train": "{epochs: 3}"},
        {"train": "{network: {dim: 64}}"},
        {"models": "{mine: {size: {dim: 64}}, other: {}}"},
        {"models": "{mine: {options: {auxiliary: 0.5}}, other: {}}"},
        {"models": "{mine: {train: {epochs: 3}}, other: {}}"},
        {"models": "{mine: {preset: parthasarathy2021}, other: {}}"},
        {"items": [item("a", "1")]},
        {"items": [item("a", "1"), item("b", "1")]},
        {"items": [item("a", "1"), item("b", "2", "validation")]},
        {"train": "{heldout: validation}"},
    ],
    ids=str,
)
def test_what_the_weights_depend_on_changes_the_key(project, changed):
    assert key(**changed) != key()


@pytest.mark.parametrize(
    "changed",
    [
        {"models": "{mine: {}, other: {ablation: {strategy: frame_zero}}, third: {}}"},
        {"train": "{seeds: [0, 7]}"},
        {"train": "{checkpoint_seconds: 1}"},
        {"evaluate": "{trials: 2}"},
        {"execution": "{workers: 1, device: cpu}"},
    ],
    ids=str,
)
def test_what_they_do_not_depend_on_does_not(project, changed):
    assert key(**changed) == key()


PRESET = "{mine: {preset: parthasarathy2020, train: {epochs: 3}}, other: {}}"


def test_shared_settings_that_the_preset_replaces_do_not_change_the_key(project):
    own = key(models=PRESET)
    replaced = "{learning_rate: 0.5, epochs: 9, network: {dim: 64}}"
    assert key(models=PRESET, train=replaced) == own
    assert key(models=PRESET, train="{batch_clips: 5}") != own


@pytest.mark.parametrize("changed", [{"frames": "g"}, {"streams": {"audio": ["t"]}}], ids=str)
def test_other_features_change_the_key(project, changed):
    before = key()
    write_manifests(**changed)
    assert key() != before


def test_what_evaluation_alone_reads_does_not(project):
    before = key()
    write_manifests(shown="y")
    assert key() == before


def test_other_code_changes_the_key(project):
    before = key()
    (project / "models" / "network.py").write_text("LAYERS = 3\n")
    assert key() != before


def test_two_models_of_the_same_settings_are_kept_apart(project):
    assert key(name="mine") != key(name="other")


# ------------------------------------------------------------------ the command


def test_an_unknown_model_is_refused_before_any_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("models: {one: {}}")
    monkeypatch.setattr("sys.argv", ["train", "two"])
    with pytest.raises(SystemExit) as caught:
        train.main()
    assert caught.value.code == 1
    assert "params.yaml has no model named two; it has one." in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["params.yaml"]
