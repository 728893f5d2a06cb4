"""Scores by group: a group that pays for a lost modality is found, and nothing where all are alike.

Recognisers are made up: they see labels through noise of sound and of picture, and answer with the
best guess from what is there.
"""

from pathlib import Path

import audmetric
import numpy as np
import pandas as pd
import pytest

from features.task import Task
from models.evaluation.conditions import runs_under
from models.evaluation.groups import LOST, PERMUTED, SPEAKERS_NEEDED, scores_of_groups
from models.evaluation.registry import metrics_of
from models.evaluation.scores import score
from models.evaluation.statistics import permutations
from reports.numbers.groups import scores_by_group
from reports.tables.groups import group_tables, words_of_groups

TASK = Task(outputs=("arousal",))
RUNS = runs_under(list(LOST.values()), 1)
SOUND = 1.0
"""Deviation of the noise of sound, where labels have 1."""


def written(folder: Path, picture: dict[str, float], seed: int, speakers: int = 24) -> Path:
    """The table of a model; the noise of the picture by sex, while the room changes nothing."""
    random = np.random.default_rng(seed)
    scores, sex, room, speaker_of = {}, {}, {}, {}
    for number in range(2 * speakers):
        speaker, item = number // 2, f"clip{number:02d}"
        sex[item], room[item] = "fm"[speaker % 2], "ab"[number % 2]
        speaker_of[item] = f"speaker{speaker:02d}"
        labels = random.normal(size=(150, 1)) + random.normal(scale=0.3)
        heard = labels + random.normal(scale=SOUND, size=labels.shape)
        noise = picture[sex[item]]
        seen = labels + random.normal(scale=noise, size=labels.shape)
        weights = np.array([SOUND**-2, noise**-2])
        both = (weights[0] * heard + weights[1] * seen) / weights.sum()
        outputs = {"none": both, "audio": seen, "video": heard}
        scores[item] = score(metrics_of(TASK), np.stack([outputs[lost] for lost in LOST]), labels)
    table = scores_of_groups(TASK, RUNS, scores, {"group_sex": sex, "group_room": room}, speaker_of)
    table.to_parquet(folder / "model.parquet")
    return folder


def test_a_group_whose_picture_is_worse_is_found_where_the_sound_is_gone(tmp_path: Path) -> None:
    scores, gaps = scores_by_group(written(tmp_path, {"f": 0.5, "m": 1.3}, seed=0), ["model"])
    found = gaps[gaps["significant"] == 1].set_index(["column", "measure"])
    assert ("group_sex", "audio_gone") in found.index
    assert ("group_sex", "audio_fall") in found.index
    assert set(found.index.get_level_values("column")) == {"group_sex"}
    assert found.loc[("group_sex", "audio_gone"), ["higher", "lower"]].tolist() == ["f", "m"]
    words = words_of_groups(gaps, TASK)
    assert "<b>model</b>, sex, Arousal, sound gone: f scores" in words
    html = group_tables(scores, gaps, ["model"], TASK)
    assert html.count("<h3>") == 2
    assert f"<b>{gaps.loc[gaps['significant'] == 1, 'gap'].iloc[0]:.3f}</b>" in html


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_where_nothing_differs(tmp_path: Path, seed: int) -> None:
    _, gaps = scores_by_group(written(tmp_path, {"f": 0.8, "m": 0.8}, seed), ["model"])
    assert len(gaps) == 2 * 5
    assert not gaps["significant"].any()
    assert "No gap was found" in words_of_groups(gaps, TASK)


def test_scores_are_those_of_the_items_and_small_groups_are_not_compared(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    items = {f"i{n}": random.normal(size=(2, 30, 1)) for n in range(12)}
    labels = {item: random.normal(size=(30, 1)) for item in items}
    scores = {
        i: score(metrics_of(TASK), np.repeat(x[:1], 3, 0), labels[i]) for i, x in items.items()
    }
    sizes = {"few": SPEAKERS_NEEDED - 1, "many": 6, "": 2}
    names = [name for name, size in sizes.items() for _ in range(size)]
    groups = {"group_age": dict(zip(items, names, strict=True))}
    table = scores_of_groups(TASK, RUNS, scores, groups, {item: item for item in items})
    assert not table["compared"].any(), "one group alone has speakers enough"
    assert all(np.isnan(np.stack(table[PERMUTED].to_list())).ravel())
    many = [item for item, name in zip(items, names, strict=True) if name == "many"]
    row = table[(table["group"] == "many") & (table["lost"] == "audio")].iloc[0]
    truth, guess = (
        np.concatenate(x).ravel() for x in ([labels[i] for i in many], [items[i][0] for i in many])
    )
    assert row["replicates"][0] == pytest.approx(audmetric.concordance_cc(truth, guess), abs=1e-6)
    assert row[["items", "speakers", "n"]].tolist() == [6, 6, 180]
    table.to_parquet(tmp_path / "model.parquet")
    scored, gaps = scores_by_group(tmp_path, ["model"])
    assert gaps.empty
    assert set(scored["group"]) == {"everybody", "few", "many"}
    assert "No groups have speakers enough" in words_of_groups(gaps, TASK)


def test_groups_are_dealt_within_strata() -> None:
    labels, strata = np.array([0, 1, 2, 3, 4, 5]), np.array([7, 3, 7, 3, 7, 3])
    dealt = permutations(labels, strata, 200, seed=1)
    assert {tuple(sorted(row)) for row in dealt[:, strata == 7]} == {(0, 2, 4)}
    assert len({tuple(row) for row in dealt}) == 36, "every order of both"


def test_without_groups_there_is_nothing(tmp_path: Path) -> None:
    items = {"a": score(metrics_of(TASK), np.ones((3, 4, 1)), np.ones((4, 1)))}
    scores_of_groups(TASK, RUNS, items, {}, {"a": "a"}).to_parquet(tmp_path / "model.parquet")
    scores, gaps = scores_by_group(tmp_path, ["model"])
    assert scores.empty
    assert gaps.empty
    assert group_tables(scores, gaps, ["model"], TASK) == ""
    assert pd.read_parquet(tmp_path / "model.parquet").empty
