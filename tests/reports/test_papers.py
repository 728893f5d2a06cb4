"""Whose numbers stand beside the papers'."""

import re

import pytest
import result_files

from reports.papers import AFFECT, EMOTIONS, RAVDESS, papers_tables
from reports.results import load
from reports.summary import summarise

PLAIN = {
    "network": "crossmodal",
    "modalities": ["audio", "video"],
    "presence": "ignored",
    "size": {},
    "options": {},
    "ablation": {"strategy": "none"},
}


def claim(claims, paper, model):
    return next(one for one in claims.rows if (one.paper, one.model) == (paper, model))


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"modalities": ["video", "audio"]}, True),
        ({"options": {"auxiliary": 0.0}}, True),
        ({"options": {"auxiliary": 0.5}}, False),
        ({"presence": "marked"}, False),
        ({"network": "mult"}, False),
        ({"modalities": ["video"]}, False),
        ({"ablation": {"strategy": "mixed"}}, False),
    ],
)
def test_the_baseline_is_what_the_paper_built(change, is_same):
    assert claim(AFFECT, "P", "baseline").is_of(PLAIN | change) is is_same


def test_options_that_are_left_out_have_their_defaults():
    main = claim(EMOTIONS, "G", "AuxFormer, optimized training")
    base = claim(EMOTIONS, "G", "baseline 1, optimized training")
    own = PLAIN | {"network": "auxformer", "ablation": {"strategy": "optimized"}}
    assert (main.is_of(own), base.is_of(own)) == (True, False)
    without = own | {"options": {"auxiliary": False}}
    assert (main.is_of(without), base.is_of(without)) == (False, True)
    ia1 = claim(RAVDESS, "C", "IA1, modality dropout")
    fusion = PLAIN | {"network": "fusion", "ablation": {"strategy": "modality_dropout"}}
    assert ia1.is_of(fusion)
    assert not ia1.is_of(fusion | {"size": {"heads": 4}})
    assert not ia1.is_of(fusion | {"options": {"kind": "lt"}})


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
    assert "of another corpus than this run's: not comparable in value" in " ".join(html.split())


def test_other_tasks_have_the_numbers_of_their_papers_or_none(tmp_path):
    models = ("baseline",)
    folder = result_files.write(tmp_path / "a", models, [0], task=result_files.EMOTIONS)
    html, found = rows(folder, models, [0])
    assert len(found) > len(EMOTIONS.rows) + len(RAVDESS.rows)  # and a second head
    assert any(row.startswith("G|baseline 3, standard training|Intact|0.624|") for row in found)
    assert "Aff-Wild2" not in html
    folder = result_files.write(tmp_path / "b", models, [0], task=result_files.DIMENSIONS)
    results = load(folder, models, [0])
    assert papers_tables(results, summarise(results)) == ""
