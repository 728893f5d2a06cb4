"""Whose numbers stand beside the papers'."""

import json
import re

import pandas as pd
import pytest

from reports.numbers.results import load
from reports.numbers.summary import summarise
from reports.papers.claims import AFFECT, EMOTIONS, RAVDESS, SENTIMENT
from reports.papers.tables import papers_tables
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


def claim(claims, paper, model):
    return next(one for one in claims.rows if (one.paper, one.model) == (paper, model))


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
        ({"modalities": ["video", "audio"]}, True),
        ({"size": {"dim": 512, "heads": 8, "layers": 3}}, True),
        ({"train": {"optimizer": "sgd", "learning_rate": 1e-4}}, True),
        ({"preset": "parthasarathy2020"}, True),
        ({"options": {"auxiliary": 0.5}}, False),
        ({"presence": "marked"}, False),
        ({"network": "mult"}, False),
        ({"modalities": ["video"]}, False),
        ({"ablation": {"strategy": "mixed"}}, False),
        ({"train": {"average": 0.98}}, False),
        ({"train": {"refit": 2}}, False),
        ({"train": {"teacher": 0.3}}, False),
    ],
)
def test_the_baseline_is_what_the_paper_built(change, is_same):
    assert claim(AFFECT, "P", "baseline").is_of(changed(PLAIN, change)) is is_same


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
    own = changed(PLAIN, {"network": "auxformer", "ablation": {"strategy": "optimized"}})
    own["options"] = AUXFORMER | options
    assert claim(EMOTIONS, "G", "AuxFormer, optimized training").is_of(own) is main
    assert claim(EMOTIONS, "G", "baseline 1, optimized training").is_of(own) is base
    assert not claim(EMOTIONS, "G", "AuxFormer, standard training").is_of(own)


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
    own = changed(PLAIN, {"network": "fusion", "size": {"heads": heads}, "ablation": ablation})
    own["options"] = {"kind": kind}
    assert [one.model for one in RAVDESS.rows if one.is_of(own)] == [model] * (model is not None)


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
    own = changed(PLAIN, {"network": "affwildnet", "modalities": ["video"], "size": {"ffn": units}})
    own["options"] = {"dynamic": dynamic}
    assert [one.model for one in AFFECT.rows if one.is_of(own)] == [model] * (model is not None)


@pytest.mark.parametrize("sees", ["audio", "video"])
def test_baseline_4_is_an_auxformer_of_one_modality(sees):
    own = changed(PLAIN, {"network": "auxformer", "modalities": [sees]}) | {"options": AUXFORMER}
    name = {"audio": "sound", "video": "picture"}[sees]
    assert [one.model for one in EMOTIONS.rows if one.is_of(own)] == [f"baseline 4, {name} only"]


NOISY = ", modality dropout with noise"


@pytest.mark.parametrize(
    ("claims", "rounding", "wrong"),
    [
        (RAVDESS, 2e-4, []),
        (SENTIMENT[0], 2e-4, ["TAV", "LT1" + NOISY, "LT4" + NOISY, "IT1" + NOISY, "IT4" + NOISY]),
        (SENTIMENT[1], 1.1e-3, ["MULT" + NOISY]),
    ],
    ids=["ravdess", "accuracy", "mae"],
)
def test_the_last_column_is_the_mean_of_the_others(claims, rounding, wrong):
    assert len(claims.rows) == (27 if claims is RAVDESS else 30)
    means = {one.model: (sum(one.values[:3]) / 3, one.values[3]) for one in claims.rows}
    assert [name for name, (a, b) in means.items() if abs(a - b) > rounding] == wrong


def rows(folder, models, seeds):
    results = load(folder, models, seeds)
    html = papers_tables(results, summarise(results))
    found = re.findall("<tr>(.*?)</tr>", html[html.index("<tbody>") :])
    return html, [re.sub("(<[^>]*>)+", "|", row).strip("|") for row in found]


def test_our_numbers_stand_beside_the_same_condition_and_a_dash_where_there_is_none(tmp_path):
    models = ("baseline", "frame_zero", "video_only")
    html, found = rows(result_files.write(tmp_path, models, [0]), models, [0])
    assert len(found) == len(AFFECT.rows)
    assert found[0] == "P|baseline|Intact|0.393|0.522|baseline|0.400|0.520"
    assert found[1].startswith(
        "P|baseline|Picture ablated, Frame-Zero, p = 0.95|0.113|0.235|baseline|"
    )
    assert found[3] == "P|video only|Intact|0.381|0.489|video_only|0.400|0.520"
    assert found[4] == "P|audio only|Intact|−0.060|0.284|–|–|–"
    words = " ".join(html.split())
    assert "of another corpus than this run's: not comparable in value" in words
    assert "Its size may differ" in words


def test_noise_stands_beside_noise_and_absence_beside_absence(tmp_path):
    models = ("dropped", "noised")
    folder = result_files.write(tmp_path, models, [0], task=result_files.EMOTIONS, further=True)
    run = json.loads((folder / "run.json").read_text())
    for model, fill in zip(models, ("soft", "noise"), strict=True):
        own = run["models"][model]
        own |= {"network": "fusion", "options": {"kind": "ia"}}
        own["size"]["heads"] = 1
        own["ablation"] |= {"strategy": "modality_dropout", "fill": fill}
        path = folder / "evaluation" / f"{model}.csv"
        table = pd.read_csv(path)
        told = {"clip_zero": 0.25, "noise": 0.75}
        gone = (table["p"] == 1) & table["strategy"].isin(list(told))
        table.loc[gone, "accuracy"] = table["strategy"].map(told)
        table.loc[table["p"] == 0, "accuracy"] = 0.5
        table.to_csv(path, index=False)
    (folder / "run.json").write_text(json.dumps(run))
    _, found = rows(folder, models, [0])
    assert (
        "C|IA1, modality dropout|The other modality absent|0.816|0.581|0.728|0.708"
        "|dropped|0.500|0.250|0.250|0.333"
    ) in found
    assert (
        "C|IA1, modality dropout with noise|The other modality noise|0.782|0.583|0.717|0.694"
        "|noised|0.500|0.750|0.750|0.667"
    ) in found


def test_a_modality_gone_stands_beside_the_same_loss(tmp_path):
    models = ("baseline",)
    folder = result_files.write(tmp_path, models, [0], task=result_files.EMOTIONS)
    run = json.loads((folder / "run.json").read_text())
    run["models"]["baseline"]["ablation"]["strategy"] = "optimized"
    (folder / "run.json").write_text(json.dumps(run))
    path = folder / "evaluation" / "baseline.csv"
    table = pd.read_csv(path)
    gone = (table["p"] == 1) & (table["strategy"] == "clip_zero")
    for modality, micro, macro in (("audio", 0.625, 0.5), ("video", 0.25, 0.125)):
        table.loc[gone & (table["modality"] == modality), ["micro_f1", "macro_f1"]] = micro, macro
    table.to_csv(path, index=False)
    _, found = rows(folder, models, [0])
    start = "G|baseline 3, optimized training"
    picture = f"{start}|Sound ablated, Clip-Zero, p = 1|0.552|0.541|0.714|0.622|baseline"
    sound = f"{start}|Picture ablated, Clip-Zero, p = 1|0.327|0.244|0.511|0.378|baseline"
    assert f"{picture}|0.625|0.500" in found
    assert f"{sound}|0.250|0.125" in found


def test_sentiment_has_a_table_for_each_metric(tmp_path):
    models = ("baseline",)
    folder = result_files.write(tmp_path, models, [0], task=result_files.SENTIMENT)
    run = json.loads((folder / "run.json").read_text())
    run["models"]["baseline"] |= {"network": "mult", "options": {}}
    (folder / "run.json").write_text(json.dumps(run))
    path = folder / "evaluation" / "baseline.csv"
    table = pd.read_csv(path)
    for modality, accuracy, error in (("audio", 0.5, 0.75), ("video", 0.25, 1.5)):
        lost = (table["modality"] == modality) & (table["strategy"] == "clip_zero")
        table.loc[lost & (table["p"] == 1), ["binary_accuracy", "mae"]] = accuracy, error
    table.loc[table["p"] == 0, ["binary_accuracy", "mae"]] = 0.75, 0.5
    table.to_csv(path, index=False)
    _, found = rows(folder, models, [0])
    start = "C|MULT of Table III|The other modality absent"
    assert f"{start}|0.677|0.569|0.607|0.618|baseline|0.750|0.250|0.500|0.500" in found
    assert f"{start}|0.787|0.838|0.836|0.821|baseline|0.500|1.500|0.750|0.917" in found
    assert any(row.startswith("C|LT1|") and row.endswith("|–|–|–|–|–") for row in found)


def test_other_tasks_have_the_numbers_of_their_papers_or_none(tmp_path):
    models = ("baseline",)
    folder = result_files.write(tmp_path / "a", models, [0], task=result_files.EMOTIONS)
    html, found = rows(folder, models, [0])
    assert len(found) > len(EMOTIONS.rows) + len(RAVDESS.rows)  # and a second head
    assert any(
        re.match(r"G\|baseline 3, standard training\|Intact\|0.624\|.*\|baseline\|", row)
        for row in found
    )
    assert "Aff-Wild2" not in html
    folder = result_files.write(tmp_path / "b", models, [0], task=result_files.DIMENSIONS)
    results = load(folder, models, [0])
    assert papers_tables(results, summarise(results)) == ""
