"""What run.json says: caveats, and what models see."""

import pytest

from reports.numbers.run_file import (
    caveat,
    modalities_seen,
    streams_in_use,
    synthetic_corpus,
    untrained_streams,
)


@pytest.mark.parametrize(
    ("synthetic", "random_weights", "expected"),
    [
        ("demo", ["fc6"], "synthetic corpus demo · fc6 from random weights"),
        ("demo", [], "synthetic corpus demo"),
        ("simulated", [], "synthetic corpus simulated"),
        ("", ["fc6"], "fc6 from random weights"),
        ("", ["fc6", "lips"], "fc6 and lips from random weights"),
        ("", [], ""),
    ],
)
def test_the_caveat_says_what_applies(synthetic, random_weights, expected):
    assert caveat(synthetic=synthetic, random_weights=random_weights) == expected


def test_streams_of_a_modality_are_told_apart_by_name_alone():
    run = {
        "corpus": {"name": "calls"},
        "streams": {
            "lld": {"modality": "audio"},
            "lld130": {"modality": "audio"},
            "fc6": {"modality": "video", "random_weights": True},
            "lips": {"modality": "video", "random_weights": False},
            "unseen": {"modality": "video", "random_weights": True},
        },
        "models": {"small": {"sees": ["fc6", "lld"]}, "large": {"sees": ["lld130", "lips"]}},
    }
    assert modalities_seen(run, "small") == modalities_seen(run, "large") == ("audio", "video")
    assert list(streams_in_use(run)) == ["lld", "lld130", "fc6", "lips"]
    assert untrained_streams(run) == ("fc6",)
    assert synthetic_corpus(run) == ""
