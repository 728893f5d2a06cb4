"""The table of a prediction, what its values rest on, and the file it is written to."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from features.task import Task
from pipeline.prediction.table import (
    Prediction,
    answer_note,
    caveats_of,
    missing_notes,
    read_csv,
    table_of,
    write_csv,
)

TIMES = np.arange(4) / 10
FACE, SOUND = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
EVERY = np.ones(4, bool)


def a_card(task: Task, *, synthetic: bool = False, weights: str = "vgg.h5") -> SimpleNamespace:
    """As much of a card as tables and figures need."""
    return SimpleNamespace(
        name="a",
        seed=0,
        task=task,
        synthetic_corpus=synthetic,
        streams={"audio": None, "video": None},
        random_weights=["vggface"] if weights == "random" else [],
    )


def prediction(task: Task, table: pd.DataFrame, clip: str = "film.mp4", **about) -> Prediction:
    return Prediction(Path(clip), "a", a_card(task, **about), table, ())


def test_columns_keep_their_names_and_new_ones_come_after() -> None:
    values = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]], np.float32)
    table = table_of(Task(), values, TIMES, {"audio": SOUND, "video": FACE}, EVERY)
    columns = ["time", "valence", "arousal", "face_present", "sound_present", "basis"]
    assert list(table) == columns
    assert table["basis"].tolist() == ["both", "video", "audio", "none"]
    assert table["face_present"].tolist() == [1, 1, 0, 0]
    assert np.allclose(table[["valence", "arousal"]], values)


def test_a_value_is_empty_where_the_network_received_nothing() -> None:
    received = np.array([True, True, False, False])
    table = table_of(Task(), np.ones((4, 2), np.float32), TIMES, {"audio": SOUND}, received)
    assert table["valence"].isna().tolist() == [False, False, True, True]
    assert table["face_present"].isna().all()  # the model does not look
    assert table["basis"].tolist() == ["audio", "none", "audio", "none"]


def test_a_sequence_has_one_row_with_shares() -> None:
    task = Task(kind="classification", level="sequence", outputs=("anger", "joy"))
    logits = np.log([[0.25, 0.75]]).astype(np.float32)
    table = table_of(task, logits, TIMES, {"audio": SOUND, "video": FACE}, np.ones(1, bool))
    assert list(table) == ["anger", "joy", "face_present", "sound_present", "basis"]
    assert table.iloc[0].tolist() == [pytest.approx(0.25), pytest.approx(0.75), 0.5, 0.5, "both"]
    assert answer_note(a_card(task), table) == ["joy 0.75, anger 0.25"]
    nothing = table_of(task, logits, TIMES, {"audio": SOUND & False}, np.zeros(1, bool))
    assert nothing["anger"].isna().all()
    assert nothing["basis"].tolist() == ["none"]


def test_the_numbers_of_a_sequence_are_said_in_their_order() -> None:
    task = Task(kind="sentiment", level="sequence", outputs=("valence",), low=-3, high=3)
    table = pd.DataFrame({"valence": [2.5], "face_present": 1.0, "sound_present": 1.0})
    assert answer_note(a_card(task), table) == ["valence 2.50"]
    assert answer_note(a_card(Task()), table) == []


def test_what_is_missing_is_said() -> None:
    card, nothing = a_card(Task()), np.zeros(4, bool)
    said = missing_notes(card, TIMES, FACE, {"audio": SOUND, "video": FACE})
    assert said == [
        "a face in 50%, sound in 50% of the frames",
        "no picture for 0.2 s of 0.4 s",
        "no sound for 0.2 s of 0.4 s",
    ]
    said = missing_notes(card, TIMES, EVERY, {"audio": nothing, "video": EVERY})
    assert said[1:] == ["no sound at all: a had to do without audio"]
    assert missing_notes(card, TIMES, FACE, {"audio": SOUND})[0] == "sound in 50% of the frames"


def test_a_file_says_what_it_is_worth_and_reads_back(tmp_path: Path) -> None:
    table = table_of(Task(), np.ones((4, 2), np.float32), TIMES, {"video": FACE}, FACE)
    path = tmp_path / "film.a.csv"
    made = prediction(Task(), table, "odd\n#name.mp4", synthetic=True, weights="random")
    write_csv(made, path)
    lines = path.read_text().splitlines()
    assert [line[0] for line in lines[:4]] == ["#"] * 4
    assert "odd #name.mp4, a, seed 0" in lines[0]
    assert lines[1:3] == [f"# {caveat}" for caveat in caveats_of(made.card)]
    assert lines[4].startswith("time,valence")
    pd.testing.assert_frame_equal(read_csv(path), table, check_dtype=False)
    pd.testing.assert_frame_equal(pd.read_csv(path, comment="#"), table, check_dtype=False)
