"""Which models of a run a paper's numbers are of."""

import pytest

from models.ablation.registry import STRATEGIES
from models.networks.registry import NETWORKS
from reports.papers import chumachenko2022, goncalves2022, parthasarathy2020, parthasarathy2021
from reports.papers.chumachenko2022 import MOSEI_ACCURACY, MOSEI_ERROR, RAVDESS
from reports.papers.goncalves2022 import EMOTIONS
from reports.papers.parthasarathy2020 import AFF_WILD2
from reports.papers.registry import PAPERS
from tests.helpers import result_files

PLAIN = result_files.settings("baseline")
AUXFORMER = {
    "auxiliary": True,
    "positions": True,
    "temporal": "self_attention",
    "pooling": "last",
    "weight_fused": 1 / 3,
    "weight_audio": 1 / 3,
    "weight_video": 1 / 3,
    "attention_dropout": 0.25,
    "output_dropout": 0.2,
}


BOTH, SOUND, PICTURE = ("audio", "video"), ("audio",), ("video",)


def claim(claims, model):
    return next(row for row in claims if row.model == model)


def of(claims, settings, modalities=BOTH):
    """Names of the claims that a model is of."""
    return [row.model for row in claims if row.is_of(settings, modalities)]


def changed(settings, change):
    """Settings with others in their place, one level down."""
    return {
        name: value | change.get(name, {}) if isinstance(value, dict) else change.get(name, value)
        for name, value in settings.items()
    }


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"size": {"dim": 512, "heads": 8, "layers": 3}}, True),
        ({"train": {"optimizer": "sgd", "learning_rate": 1e-4}}, True),
        ({"preset": "parthasarathy2020"}, True),
        ({"options": {"auxiliary": 0.5}}, False),
        ({"presence": "marked"}, False),
        ({"network": "mult"}, False),
        ({"ablation": {"strategy": "mixed"}}, False),
        ({"train": {"average": 0.98}}, False),
        ({"train": {"refit": 2}}, False),
        ({"train": {"teacher": 0.3}}, False),
    ],
)
def test_the_baseline_is_what_the_paper_built(change, is_same):
    baseline = claim(parthasarathy2020.CLAIMS[AFF_WILD2], "baseline")
    settings = changed(PLAIN, change)
    assert baseline.is_of(settings, BOTH) is baseline.is_of(settings, BOTH[::-1]) is is_same
    assert not baseline.is_of(settings, PICTURE)


@pytest.mark.parametrize(
    ("options", "main", "base"),
    [
        ({}, True, False),
        ({"attention_dropout": 0.1}, True, False),
        ({"auxiliary": False}, False, True),
        ({"auxiliary": False, "positions": False}, False, False),
        ({"positions": False}, False, False),
        ({"temporal": "gru"}, False, False),
        ({"pooling": "mean"}, False, False),
        ({"weight_audio": 0.2}, False, False),
    ],
)
def test_all_that_makes_an_architecture_counts(options, main, base):
    settings = changed(PLAIN, {"network": "auxformer", "ablation": {"strategy": "optimized"}})
    settings["options"] = AUXFORMER | options
    claims = goncalves2022.CLAIMS[EMOTIONS]
    assert claim(claims, "AuxFormer, optimized training").is_of(settings, BOTH) is main
    assert claim(claims, "baseline 1, optimized training").is_of(settings, BOTH) is base
    assert not claim(claims, "AuxFormer, standard training").is_of(settings, BOTH)


@pytest.mark.parametrize(
    ("heads", "kind", "ablation", "model"),
    [
        (1, "ia", {}, "IA1"),
        (4, "ia", {}, "IA4"),
        (2, "ia", {}, None),
        (1, "lt", {}, "LT1"),
        (4, "it", {}, "IT4"),
        (1, "tav", {}, "TAV"),
        (4, "tva", {}, None),
        (1, "mult", {}, "MULT"),
        (1, "ia", {"strategy": "modality_dropout", "fill": "soft"}, "IA1, modality dropout"),
        (4, "ia", {"strategy": "modality_dropout", "fill": "soft"}, "IA4, modality dropout"),
        (
            1,
            "ia",
            {"strategy": "modality_dropout", "fill": "noise"},
            "IA1, modality dropout with noise",
        ),
        (1, "ia", {"strategy": "modality_dropout", "fill": "hard"}, None),
    ],
)
def test_heads_and_what_dropout_fills_in_tell_models_of_a_paper_apart(heads, kind, ablation, model):
    settings = changed(PLAIN, {"network": "fusion", "size": {"heads": heads}, "ablation": ablation})
    settings["options"] = {"kind": kind, "dense": False}
    expected = [] if model is None else [model]
    assert of(chumachenko2022.CLAIMS[RAVDESS], settings) == expected


@pytest.mark.parametrize(
    ("units", "dynamic", "model"),
    [
        (4096, True, "AffWildNet dynamic (V), pretrained on Aff-Wild"),
        (64, True, "AffWildNet dynamic (V), pretrained on Aff-Wild"),
        (4096, False, "AffWildNet static, 4096 units (V), pretrained on Aff-Wild"),
        (2000, False, "AffWildNet static, 2000 units (V), pretrained on Aff-Wild"),
        (64, False, None),
    ],
)
def test_units_tell_static_networks_apart(units, dynamic, model):
    settings = changed(PLAIN, {"network": "affwildnet", "size": {"ffn": units}})
    settings["options"] = {"dynamic": dynamic}
    expected = [] if model is None else [model]
    assert of(parthasarathy2021.CLAIMS[AFF_WILD2], settings, PICTURE) == expected


@pytest.mark.parametrize("sees", ["audio", "video"])
def test_baseline_4_is_an_auxformer_of_one_modality(sees):
    settings = changed(PLAIN, {"network": "auxformer"}) | {"options": AUXFORMER}
    name = {"audio": "sound", "video": "picture"}[sees]
    assert of(goncalves2022.CLAIMS[EMOTIONS], settings, [sees]) == [f"baseline 4, {name} only"]


NOISY = ", modality dropout with noise"


@pytest.mark.parametrize(
    ("benchmark", "rounding", "wrong"),
    [
        (RAVDESS, 2e-4, []),
        (MOSEI_ACCURACY, 2e-4, ["TAV", "LT1" + NOISY, "LT4" + NOISY, "IT1" + NOISY, "IT4" + NOISY]),
        (MOSEI_ERROR, 1.1e-3, ["MULT" + NOISY]),
    ],
    ids=["ravdess", "accuracy", "mae"],
)
def test_the_last_column_is_the_mean_of_the_others(benchmark, rounding, wrong):
    claims = chumachenko2022.CLAIMS[benchmark]
    assert len(claims) == (27 if benchmark is RAVDESS else 42)
    means = {row.model: (sum(row.values[:3]) / 3, row.values[3]) for row in claims}
    assert [name for name, (a, b) in means.items() if abs(a - b) > rounding] == wrong


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_speaks_of_networks_and_strategies_that_there_are(name):
    rows = [row for claims in PAPERS[name].load().values() for row in claims]
    assert rows
    for row in rows:
        assert row.network in list(NETWORKS)
        assert row.strategy in list(STRATEGIES)


def test_papers_have_letters_of_their_own():
    assert [paper.letter for paper in PAPERS.values()] == ["P", "D", "G", "C"]
