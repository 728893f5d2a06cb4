"""Settings of streams: each of the class that its extractor's row names."""

import pytest
from pydantic import TypeAdapter, ValidationError

from features.errors import InputError
from features.extractors.joined import parts_of
from features.extractors.registry import EXTRACTORS, AnyStream
from features.extractors.settings import (
    GivenSettings,
    JoinedSettings,
    OpenSMILESettings,
    OwnSettings,
    VGGFaceSettings,
)

STREAM = TypeAdapter(AnyStream)
EVERY = [
    VGGFaceSettings(),
    OpenSMILESettings(deltas=True),
    GivenSettings(modality="video", of="facet"),
    JoinedSettings(modality="audio", of=["a", "b"]),
    OwnSettings(modality="audio", extractor="extensions.x:Y", options={"width": 3}),
]


@pytest.mark.parametrize("settings", EVERY[:4], ids=lambda settings: settings.extractor)
def test_settings_come_back_as_they_were(settings):
    assert STREAM.validate_json(STREAM.dump_json(settings)) == settings
    assert STREAM.validate_python(settings.model_dump()) == settings


def test_the_defaults_are_those_of_the_extractor():
    assert (EVERY[0].normalise, EVERY[0].context_seconds) == (False, 0.0)
    assert (EVERY[1].normalise, EVERY[1].context_seconds) == (True, 2.0)
    assert EVERY[2].normalise
    assert {settings.align for settings in EVERY} == {"frames"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"modality": "video", "extractor": "vgg"},
            "there is no extractor 'vgg': did you mean vggface",
        ),
        ({"modality": "audio", "extractor": "vggface"}, "'video'"),
        ({"modality": "video"}, "extractor"),
        ({"extractor": "given"}, "modality"),
        ({"extractor": "joined", "modality": "video", "of": ["a"]}, "at least 2"),
        (
            {"extractor": "joined", "modality": "video", "of": ["a", "b"], "normalise": False},
            "normalise is set in the streams that are joined",
        ),
        ({"extractor": "opensmile", "context_seconds": 0.01}, "at least one step of 1/30 s"),
        ({"extractor": "vggface", "weights": "a.h5"}, "sha256 of the weights file is missing"),
    ],
)
def test_what_cannot_be_is_refused(given, says):
    with pytest.raises(ValidationError, match=says):
        STREAM.validate_python(given)


def test_what_windows_make_of_rows_is_no_part_of_them():
    for settings in EVERY:
        changed = settings.model_copy(update={"context_seconds": 1.0, "align": "none"})
        assert changed.of_rows() == settings.of_rows()
    assert EVERY[1].of_rows() != OpenSMILESettings().of_rows()


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (["fc6", "gone"], "joins gone, which is not a stream"),
        (["fc6", "both"], "joins both, which is joined itself"),
        (["fc6", "lld"], "is of video and joins lld, which is not"),
    ],
)
def test_joined_streams_are_streams_with_rows_of_the_same_modality(of, says):
    streams = {
        "fc6": VGGFaceSettings(),
        "lld": OpenSMILESettings(),
        "both": JoinedSettings(modality="video", of=["fc6", "fc6"]),
        "wrong": JoinedSettings(modality="video", of=of),
    }
    assert parts_of("both", streams) == ("fc6", "fc6")
    assert parts_of("lld", streams) == ("lld",)
    with pytest.raises(InputError, match=says):
        parts_of("wrong", streams)


def test_the_licences_that_bind_are_named():
    binding = {name for name, row in EXTRACTORS.items() if row.licence.commercial is False}
    assert binding == {"vggface", "opensmile"}
    assert all(row.licence.text for row in EXTRACTORS.values())


def test_every_row_can_be_loaded():
    for name in EXTRACTORS:
        assert callable(EXTRACTORS[name].load())
