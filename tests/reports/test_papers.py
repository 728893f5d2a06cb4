"""Whose numbers stand beside the papers'."""

import json
import re

import pandas as pd
import pytest
import result_files

from reports.claims import AFFECT, EMOTIONS, RAVDESS
from reports.papers import papers_tables
from reports.results import load
from reports.summary import summarise

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
        (1, "lt", {}, None),
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
