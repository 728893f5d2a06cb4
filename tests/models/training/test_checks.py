"""What cannot be trained, or would mislead."""

import pytest

from features.errors import InputError
from features.task import Task
from models.training.checks import check_settings
from pipeline.params import Params

AFFECT = Task()
DIMENSIONS = Task(level="sequence")
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
            "train.heldout of mine and evaluate.split are both validation",
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


STREAMS = {
    "fc6": {"modality": "video", "extractor": "vggface"},
    "lld": {"modality": "audio", "extractor": "opensmile", "align": "none"},
}


@pytest.mark.parametrize("network", ["recurrent", "affwildnet"])
def test_networks_that_add_frames_refuse_streams_at_their_own_rate(network):
    params = settings(streams=STREAMS, models={"mine": {"network": network}})
    with pytest.raises(InputError, match=f"network {network} of mine needs sound and picture of"):
        check_settings(params, CLASSES, gives_features=False)


@pytest.mark.parametrize(
    "model",
    [
        *({"network": name} for name in ("crossmodal", "auxformer", "mult", "fusion")),
        {"network": "recurrent", "sees": ["lld"]},
    ],
    ids=str,
)
def test_networks_that_attend_and_those_of_one_modality_take_them(model):
    params = settings(streams=STREAMS, models={"mine": model})
    check_settings(params, CLASSES, gives_features=False)
    with pytest.raises(InputError, match="has align: none, and every frame has labels"):
        check_settings(params, AFFECT, gives_features=False)
