"""The papers' numbers, and how a model's settings come together."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from features.task import Task
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.networks.registry import NETWORKS, options_class
from models.settings import (
    Modality,
    ModelSettings,
    NetworkSize,
    TrainSettings,
)
from models.settings.model import SHARED
from models.settings.presets import PRESETS
from models.settings.resolved import Resolved, resolve

FEATURES: dict[str, dict[Modality, int]] = {
    "parthasarathy2020": {"audio": 3900, "video": 4096},
    "parthasarathy2021": {"audio": 3900, "video": 4096},
    "goncalves2022": {"audio": 130, "video": 4096},
    "chumachenko2022": {"audio": 10, "video": 1280},
    "goncalves2023": {"audio": 1024, "video": 1408},
    "wang2023": {"audio": 5, "video": 20},
    "zhao2021": {"audio": 130, "video": 342},
    "zuo2023": {"audio": 130, "video": 342},
    "zhong2025": {"audio": 74, "video": 35},
    "sun2024": {"audio": 130, "video": 342},
    "lacuna": {"audio": 3900, "video": 4096},
}

FRAMES = Task()
EMOTIONS = Task(kind="classification", level="sequence", outputs=list("abcdef"))
MSP_IMPROV = Task(kind="classification", level="sequence", outputs=list("abcd"))

EVERY = [(name, network) for name, preset in PRESETS.items() for network in preset.networks]


def seen_by(network: str) -> list[Modality]:
    return ["audio", "video"] if 2 in NETWORKS[network].modalities else ["video"]


def resolved(preset: str, network: str, **own: Any) -> Resolved:
    seen = own.pop("sees", seen_by(network))
    model = ModelSettings(**{"network": network, "preset": preset, "sees": seen, **own})
    return resolve(model, TrainSettings(), seen)


def built(preset: str, network: str, task: Task, **own: Any) -> Recogniser:
    seen = own.pop("sees", seen_by(network))
    model = ModelSettings(**{"network": network, "preset": preset, "sees": seen, **own})
    found = resolve(model, TrainSettings(), seen)
    features = {m: FEATURES[preset][m] for m in seen}
    if NETWORKS[network].pictures:
        features["video"] = 96 * 96 * 3
    with torch.device("meta"):  # of numbers that nobody reads
        return build(model, features, found.size, task, found.options)


def parameters(network: Recogniser) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("task", [FRAMES, EMOTIONS], ids=["frames", "sequences"])
@pytest.mark.parametrize(
    ("preset", "network", "presence"),
    [
        (preset, network, presence)
        for preset, network in EVERY
        for presence in ("ignored", "marked", "filled")
        if presence in NETWORKS[network].presence
    ],
)
def test_every_network_of_a_preset_is_built(
    preset: str, network: str, presence: str, task: Task
) -> None:
    both = set(seen_by(network))
    made = built(preset, network, task, presence=presence, repeats="shown")
    assert set(made.modalities) == both
    assert made.presence.frames == presence
    assert parameters(made) > 5_000


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("parthasarathy2020", {"optimizer": "adam", "learning_rate": 1e-4, "decay": "none"}),
        ("parthasarathy2021", {"optimizer": "adam", "learning_rate": 1e-5, "decay": "none"}),
        (
            "goncalves2022",
            {
                "optimizer": "adam",
                "learning_rate": 7.25e-4,
                "clip_norm": 0.8,
                "batch_clips": 32,
                "epochs": 25,
                "choose_by": "loss",
                "decay_epochs": 5,
            },
        ),
        (
            "chumachenko2022",
            {
                "optimizer": "sgd",
                "learning_rate": 0.04,
                "momentum": 0.9,
                "weight_decay": 1e-3,
                "epochs": 100,
                "patience": 100,
                "decay": "plateau",
                "decay_epochs": 10,
            },
        ),
    ],
)
def test_training_is_the_papers(preset: str, expected: dict[str, Any]) -> None:
    for network in PRESETS[preset].networks:
        train = resolved(preset, network).train.model_dump()
        assert expected.items() <= train.items()


@pytest.mark.parametrize(
    ("preset", "network", "size"),
    [
        ("parthasarathy2020", "crossmodal", {"dim": 512, "heads": 4, "layers": 2}),
        ("parthasarathy2021", "unimodal", {"dim": 512, "heads": 4, "layers": 2}),
        ("parthasarathy2021", "recurrent", {"dim": 128, "layers": 2}),
        ("parthasarathy2021", "affwildnet", {"dim": 128, "layers": 2, "ffn": 4096}),
        ("goncalves2022", "auxformer", {"dim": 130, "heads": 10, "layers": 5, "dropout": 0.1}),
        ("chumachenko2022", "fusion", {"dim": 64, "heads": 1, "layers": 1}),
        ("goncalves2023", "vavl", {"dim": 512, "heads": 8, "ffn": 2048, "layers": 3}),
        ("wang2023", "imder", {"dim": 32, "heads": 8, "layers": 4}),
        ("zhao2021", "mmin", {"dim": 128, "ffn": 256, "layers": 5, "dropout": 0.5}),
    ],
)
def test_sizes_are_the_papers(preset: str, network: str, size: dict[str, float]) -> None:
    found = resolved(preset, network)
    assert size.items() <= found.size.model_dump().items()
    assert found.train.network == found.size


@pytest.mark.parametrize(
    ("preset", "network", "task", "own", "expected"),
    [
        ("parthasarathy2020", "crossmodal", FRAMES, {}, 12_509_188),
        ("parthasarathy2021", "unimodal", FRAMES, {}, 5_254_658),
        ("goncalves2022", "auxformer", MSP_IMPROV, {}, 7_054_748),
        ("goncalves2022", "auxformer", MSP_IMPROV, {"options": {"auxiliary": False}}, 4_776_994),
        ("goncalves2022", "mult", MSP_IMPROV, {}, 358_384),
        ("goncalves2022", "mult", EMOTIONS, {"size": {"dim": 160, "ffn": 640}}, 7_070_406),
        ("goncalves2022", "crossmodal", MSP_IMPROV, {}, 2_322_326),  # the paper's is 2,211,628
    ],
)
def test_parameters_are_as_many_as_the_papers(
    preset: str, network: str, task: Task, own: dict[str, Any], expected: int
) -> None:
    assert parameters(built(preset, network, task, **own)) == expected


# What papers do not state and corpora differ in, and what changes no result.
LEFT_TO_THE_USER = {"heldout", "epochs", "patience", "batch_clips", "threads", "precision"}
HAS_ANOTHER_PLACE = {"seeds", "checkpoint_seconds", "network"}
WITHOUT_EPOCHS = ("none", "cosine")
"""Decays that go without `decay_epochs` and `decay_factor`."""
PINNED = TrainSettings.model_fields.keys() - LEFT_TO_THE_USER - HAS_ANOTHER_PLACE


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_every_setting_that_is_not_left_to_the_user(preset: str) -> None:
    train = PRESETS[preset].train
    unused = {"momentum", "dampening"} if train["optimizer"] == "adam" else set()
    if train["decay"] in WITHOUT_EPOCHS:
        unused |= {"decay_epochs", "decay_factor"}
    if train["decay"] == "linear":
        unused |= {"decay_factor"}
    assert train.keys() >= PINNED - unused
    assert not train.keys() & HAS_ANOTHER_PLACE


def test_every_preset_says_all_that_would_change_its_paper() -> None:
    """Nothing of how parameters are updated is left to the shared settings of another corpus."""
    shared = TrainSettings(
        optimizer="sgd",
        momentum=0.5,
        learning_rate=0.7,
        weight_decay=0.1,
        clip_norm=0.1,
        decay="step",
        decay_epochs=2,
        decay_factor=0.7,
        choose_by="loss",
        average=0.9,
        class_weights="balanced",
        teacher=0.5,
        batch_speakers=16,
        within_speaker=0.2,
        ccc="sequence",
        dampening=0.3,
        network=NetworkSize(dim=8, heads=8, ffn=8, layers=8, dropout=0.8),
    ).model_copy(update={"refit": 1})  # which goes with no decay
    plain_values = TrainSettings().model_dump(include=PINNED)
    assert all(value != plain_values[k] for k, value in shared.model_dump(include=PINNED).items())
    for preset, network in EVERY:
        model = ModelSettings(network=network, preset=preset, sees=seen_by(network))
        changed, plain = resolve(model, shared), resolve(model, TrainSettings())
        assert changed.size == plain.size
        unused = {"momentum"} if plain.train.optimizer == "adam" else set()
        if plain.train.decay in WITHOUT_EPOCHS:
            unused |= {"decay_epochs", "decay_factor"}
        if plain.train.decay == "linear":
            unused |= {"decay_factor"}
        assert changed.train.model_dump(exclude=unused) == plain.train.model_dump(exclude=unused)


# ------------------------------------------------------------------ how settings come together


def test_without_a_preset_the_shared_settings_hold() -> None:
    shared = TrainSettings(epochs=7, network=NetworkSize(dim=16))
    found = resolve(ModelSettings(), shared)
    assert found.train == shared
    assert found.size == shared.network
    assert found.options == options_class("crossmodal")()


def test_a_model_says_it_over_its_preset_and_that_over_the_shared_settings() -> None:
    shared = TrainSettings(seeds=[4], heldout="validation", batch_clips=3, learning_rate=0.9)
    model = ModelSettings(
        preset="parthasarathy2020",
        size={"dim": 64},
        options={"auxiliary": 0.5},
        train={"epochs": 2, "clip_norm": 0.1},
    )
    found = resolve(model, shared)
    assert found.size == NetworkSize(dim=64)
    assert found.options.model_dump() == {"auxiliary": 0.5, "alone": "fused"}
    assert found.train == shared.model_copy(
        update={"learning_rate": 1e-4, "epochs": 2, "clip_norm": 0.1, "network": found.size}
    )


@pytest.mark.parametrize("name", SHARED)
def test_what_all_models_share_no_model_sets(name: str) -> None:
    with pytest.raises(ValidationError, match=rf"{name} is set in "):
        ModelSettings(train={name: TrainSettings().model_dump()[name]})


def test_an_unknown_preset_is_named_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match=r"no preset 'vaswani2017': choose .*, lacuna"):
        ModelSettings.model_validate({"preset": "vaswani2017"})


def test_a_preset_without_the_network_says_which_it_has() -> None:
    model = ModelSettings(network="fusion", preset="goncalves2022")
    with pytest.raises(ValueError, match="has no network fusion, it has auxformer, mult, cross"):
        resolve(model, TrainSettings())


@pytest.mark.parametrize(
    ("own", "place"),
    [
        ({"size": {"dims": 3}}, ("size", "dims")),
        ({"size": {"dim": "3"}}, ("size", "dim")),
        ({"size": {"dim": 30}}, ("size",)),
        ({"options": {"alone": "none"}}, ("options", "alone")),
        ({"options": {"alone": "auxiliary"}}, ("options",)),
        ({"options": {"kind": "ia"}}, ("options", "kind")),
        ({"train": {"epochs": 0}}, ("train", "epochs")),
        ({"train": {"epoch": 3}}, ("train", "epoch")),
        ({"train": {"decay": "plateau", "patience": 6}}, ("train",)),
    ],
)
def test_a_mistake_is_found_in_its_section(own: dict[str, Any], place: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        resolve(ModelSettings(**own), TrainSettings())
    assert [error["loc"] for error in caught.value.errors()] == [place]


VIDEO = {"network": "auxformer", "sees": ["video"]}


def modalities_of(own: dict[str, Any]) -> list[Modality]:
    return own.get("sees", ["audio", "video"])


MUTE = {"weight_fused": 0.0, "weight_video": 0.0}


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (
            {**VIDEO, "options": {"weight_audio": 0.5}},
            r"options.weight_audio is set, but the model does not see audio: it sees video",
        ),
        (
            {**VIDEO, "options": MUTE},
            "weight_fused and weight_video are 0: nothing would be learnt",
        ),
        ({"train": {"momentum": 0.5}}, "train.momentum is of sgd, but optimizer is adam"),
        (
            {"preset": "parthasarathy2020", "train": {"momentum": 0.9}},
            "train.momentum is of sgd, but optimizer is adam",
        ),
        ({"options": {"auxiliary": 0.3, "alone": "mean"}}, "options.alone needs presence"),
    ],
)
def test_a_setting_without_a_use_is_refused(own: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        resolve(ModelSettings(**own), TrainSettings(optimizer="adam"), modalities_of(own))


@pytest.mark.parametrize(
    "own",
    [
        {**VIDEO, "options": {"auxiliary": False}},
        {**VIDEO, "options": {"weight_fused": 0.0, "weight_video": 0.1}},
        {"network": "auxformer", "options": MUTE},
        {"train": {"optimizer": "sgd", "momentum": 0.5}},
        {"network": "fusion", "preset": "chumachenko2022", "train": {"momentum": 0.5}},
    ],
)
def test_a_setting_with_a_use_is_taken(own: dict[str, Any]) -> None:
    resolve(ModelSettings(**own), TrainSettings(momentum=0.7), modalities_of(own))


@pytest.mark.parametrize("preset", [None, "parthasarathy2021"])
@pytest.mark.parametrize("network", ["recurrent", "affwildnet"])
def test_without_attention_any_dimension_is_possible(network: str, preset: str | None) -> None:
    model = ModelSettings(network=network, preset=preset, size={"dim": 33})
    found = resolve(model, TrainSettings())
    assert found.size.dim == 33
    assert NetworkSize.model_validate(found.size.model_dump()) == found.size


@pytest.mark.parametrize("network", NETWORKS)
def test_options_that_were_saved_are_read_again(network: str) -> None:
    own = {"auxformer": {"auxiliary": False}, "crossmodal": {"auxiliary": 0.3}}.get(network, {})
    options = options_class(network).model_validate(own)
    assert options_class(network).model_validate(options.model_dump()) == options
