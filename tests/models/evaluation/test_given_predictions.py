"""Predictions from elsewhere against evaluation, and the table of the frames that are lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from features.errors import InputError
from models.ablation.strategies import draw
from models.evaluation.conditions import grid, runs_under
from models.evaluation.evaluator import evaluate, predict_under
from models.evaluation.given_predictions import CONDITION, predictions_in, tables_of_given
from models.evaluation.lost_frames import lost_frames
from models.evaluation.registry import REPORTED, metrics_of
from models.evaluation.replicates import replicates_of_runs
from models.evaluation.scores import pooled
from models.evaluation.tables import Evaluated, metrics_of_runs
from models.networks.recogniser import Recogniser
from models.settings import ConditionGrid, EvaluateSettings, Rates
from models.training.data import ClipData
from tests.helpers.network_cases import FORMS, TASKS
from tests.helpers.planted import planted_sequences, planted_stores

SEED, TRIALS, CLIPS = 3, 2, 4
CONDITIONS = grid(
    EvaluateSettings(
        conditions=[
            ConditionGrid(strategy="clip_zero", p=[1, 0.5, 0]),
            ConditionGrid(strategy="burst", modality=["both"], p=[0.6], burst=[3]),
            ConditionGrid(strategy="frame_repeat", modality=["audio"], p=[0.7]),
            ConditionGrid(strategy="frame_zero", modality=["video"], p=[0.6], fill="hold"),
            ConditionGrid(strategy="frame_zero", modality=["video"], p=[0.6], fill="linear"),
            ConditionGrid(strategy="noise", modality=["video"], p=[0.5], unit="signal"),
        ]
    )
)
RUNS = runs_under(CONDITIONS, TRIALS)
UNEQUAL = Rates(audio=0.2, video=0.8)
LOSING = runs_under(
    [
        *CONDITIONS,
        *grid(
            EvaluateSettings(
                conditions=[
                    ConditionGrid(strategy="frame_zero", p=[0.4], unit="signal", fill="hold"),
                    ConditionGrid(strategy="frame_zero", p=[0.4], fill="mean"),
                    ConditionGrid(strategy="subclip", modality=["together"], p=[0.4]),
                    ConditionGrid(strategy="frame_zero", modality=["both"], p=[UNEQUAL]),
                    ConditionGrid(strategy="keep_one", modality=["both"], p=[0.6]),
                ]
            )
        ),
    ],
    TRIALS,
)
"""Those of RUNS, and others of which no network has to predict anything here."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    """Six clips, with faces and sounds missing at random."""
    folder = tmp_path_factory.mktemp("s")
    stores = planted_stores(folder, items=2, frames=50, clip_frames=20, missing=0.2)
    return ClipData(*stores, ["item-0", "item-1"], preload_bytes=1 << 30)


@pytest.fixture(scope="module")
def network(data: ClipData) -> Recogniser:
    sizes = data.features
    return replace(FORMS[0], features=(sizes["audio"], sizes["video"])).build("frames").eval()


@pytest.fixture(scope="module")
def table(data: ClipData, network: Recogniser) -> pd.DataFrame:
    """What the network predicts under every run, as somebody else would write it."""
    device = torch.device("cpu")
    outputs = predict_under(network, data, RUNS, seed=SEED, device=device, batch_clips=CLIPS)
    parts = []
    for item, values in outputs.items():
        for run, predicted in zip(RUNS, values, strict=True):
            names = {name: getattr(run.condition, name) for name in CONDITION}
            frames = {"item": item, "trial": run.trial, "time": data.item_array(item, "times")}
            columns = dict(zip(data.task.outputs, predicted.T, strict=True))
            parts.append(pd.DataFrame({**names, **frames, **columns}))
    return pd.concat(parts, ignore_index=True)


def test_a_network_scored_from_its_table_has_the_numbers_of_its_evaluation(
    data: ClipData, network: Recogniser, table: pd.DataFrame
) -> None:
    metrics = metrics_of(data.task)
    scores = evaluate(
        network,
        data,
        RUNS,
        metrics=metrics,
        seed=SEED,
        device=torch.device("cpu"),
        batch_clips=CLIPS,
    )
    evaluated = Evaluated(REPORTED, CONDITIONS)
    # The order of rows says nothing, nor does that of the table's columns.
    shuffled = table.sample(frac=1, random_state=0)[sorted(table)]
    bare = ClipData(data._windows, {}, data.items, preload_bytes=0)
    (given,) = predictions_in(shuffled, bare, CONDITIONS, TRIALS)
    found = tables_of_given(given, bare, asked=CONDITIONS, metrics=metrics, batch_clips=CLIPS)
    pd.testing.assert_frame_equal(
        found[0],
        metrics_of_runs(data.task, RUNS, pooled(scores.values()), evaluated),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(
        found[1], replicates_of_runs(data.task, RUNS, scores, evaluated), check_exact=True
    )


def test_so_has_one_of_sequences(tmp_path: Path) -> None:
    stores = planted_sequences(tmp_path, items=4, task=TASKS["dimensions"])
    data = ClipData(*stores, [f"item-{i}" for i in range(4)], preload_bytes=0)
    sizes, metrics, device = data.features, metrics_of(data.task), torch.device("cpu")
    network = (
        replace(FORMS[0], features=(sizes["audio"], sizes["video"])).build("dimensions").eval()
    )
    how = {"seed": SEED, "device": device, "batch_clips": CLIPS}
    scores = evaluate(network, data, RUNS, metrics=metrics, **how)
    rows = [
        {name: getattr(run.condition, name) for name in CONDITION}
        | {"item": item, "trial": run.trial}
        | dict(zip(data.task.outputs, predicted[0], strict=True))
        for item, values in predict_under(network, data, RUNS, **how).items()
        for run, predicted in zip(RUNS, values, strict=True)
    ]
    (given,) = predictions_in(pd.DataFrame(rows), data, CONDITIONS, TRIALS)
    found, _ = tables_of_given(given, data, asked=[], metrics=metrics, batch_clips=CLIPS)
    expected = metrics_of_runs(data.task, RUNS, pooled(scores.values()), Evaluated(REPORTED, []))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("batch_clips", [2, 6])
def test_the_table_of_lost_frames_is_what_is_drawn(data: ClipData, batch_clips: int) -> None:
    lost = lost_frames(data, LOSING, seed=SEED, batch_clips=batch_clips)
    batch = data.batch(range(len(data.clips)))
    for number, run in enumerate(LOSING):
        names = {**vars(run.condition), "trial": run.trial}
        chosen = lost
        for name in (*CONDITION, "trial"):
            chosen = chosen[chosen[name] == names[name]]
        assert set(chosen["item"]) == set(data.items), number  # also those that lose nothing
        for modality in run.condition.modalities:
            rate = run.condition.p if run.condition.rates == "equal" else run.condition.rates
            key = (SEED, run.condition.strategy, rate, run.trial)
            drawn = draw(run.condition.ablation, modality, batch.draws(*key))
            index = torch.arange(drawn.source.shape[1])
            away = (drawn.empty | (drawn.source != index)) & batch.mask
            for item in data.items:
                rows = chosen[(chosen["item"] == item) & (chosen["lost"] == modality)]
                found = np.zeros(50, bool)
                for first, last in zip(rows["first_frame"], rows["last_frame"], strict=True):
                    assert not found[first : last + 1].any()
                    found[first : last + 1] = True
                of_item = [i for i, clip in enumerate(data.clips) if clip.item == item]
                whole = np.concatenate([away[i][batch.mask[i]].numpy() for i in of_item])
                assert (found == whole).all(), (run, item)


def test_it_says_what_stands_in_the_frame(data: ClipData) -> None:
    lost = lost_frames(data, LOSING, seed=SEED, batch_clips=6).dropna(subset="lost")
    shown = lost.groupby("strategy")["shown"].agg(set)
    assert shown["clip_zero"] == {"nothing"}
    assert shown["noise"] == {"noise"}
    repeats = lost[lost["strategy"] == "frame_repeat"]
    assert (repeats["shown"].astype(int) == repeats["first_frame"] - 1).all()
    face = {item: data.item_array(item, "face") for item in data.items}
    by_rows = lost["unit"] == "signal"
    assert set(lost[(lost["fill"] == "hold") & by_rows]["shown"]) == {"hold", "nothing"}
    assert set(lost[lost["fill"] == "mean"]["shown"]) == {"mean", "nothing"}
    held = lost[(lost["fill"] == "hold") & (lost["shown"] != "nothing") & ~by_rows]
    assert len(held)
    assert (held["shown"].astype(int) < held["first_frame"]).all()
    assert all(face[item][int(s)] for item, s in zip(held["item"], held["shown"], strict=True))
    lines = lost[(lost["fill"] == "linear")].dropna(subset="towards")
    assert len(lines)
    assert (lines["towards"] > lines["last_frame"]).all()
    assert (lost["end"] >= lost["start"]).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.assign(item="x"), "x is not an item"),
        (lambda t: t.drop(columns="valence"), "no column valence"),
        (lambda t: t.drop(index=10), "frame 10 of item-0 is missing under modality audio"),
        (lambda t: pd.concat([t, t[10:11]]), "frame 10 of item-0 is given twice"),
        (lambda t: t.assign(p=0.3), "no condition of evaluate"),
        (lambda t: t.assign(trial=t["trial"] + 7), "trial 7 of modality audio"),
        (lambda t: t.assign(time=t["time"] + 90), "has no frame at time 90"),
        (lambda t: t.assign(arousal=np.nan), "arousal of row 2 is nan, not a finite number"),
        (lambda t: t.assign(arousal=""), "arousal of row 2 is empty, not a finite number"),
        (lambda t: t.drop(columns="time"), "neither a column frame nor time"),
        (lambda t: t.assign(trial=0.5), "trial is not a whole number"),
        (lambda t: t[:0], "no rows"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(data: ClipData, table, change, reason) -> None:
    with pytest.raises(InputError, match=reason):
        list(predictions_in(change(table), data, CONDITIONS, TRIALS))
