"""The figure of a prediction and the page around it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.task import Task
from pipeline.prediction.drawing import draw, write_page
from pipeline.prediction.table import table_of
from tests.pipeline.prediction.test_table import EVERY, FACE, SOUND, TIMES, prediction


@pytest.mark.parametrize(
    ("synthetic", "weights", "said"),
    [
        (True, "random", "synthetic corpus demo · vggface from random weights"),
        (False, "vgg.h5", ""),
    ],
)
def test_the_figure_says_what_the_model_is(
    monkeypatch: pytest.MonkeyPatch, synthetic: bool, weights: str, said: str
) -> None:
    notes = []
    monkeypatch.setattr(
        "reports.figures.predictions.plot_prediction", lambda *_, **k: notes.append(k["note"])
    )
    table = table_of(Task(), np.zeros((4, 2), np.float32), TIMES, {"video": FACE}, EVERY)
    made = prediction(Task(), table, synthetic=synthetic, weights=weights)
    assert draw(made, Path("clip.png"))
    assert notes == [said]


@pytest.mark.parametrize("kind", ["regression", "sentiment"])
def test_numbers_of_a_sequence_are_not_drawn_but_stand_on_the_page(
    tmp_path: Path, kind: str
) -> None:
    task = Task(kind=kind, level="sequence", outputs=["valence"])
    values = np.array([[0.25]], np.float32)
    made = prediction(task, table_of(task, values, TIMES, {"audio": SOUND}, EVERY[:1]))
    assert not draw(made, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
    write_page(made, tmp_path / "a.html", [tmp_path / "a.csv"])
    page = (tmp_path / "a.html").read_text()
    assert "<td>valence</td><td>0.25</td>" in page
    assert "<img" not in page


def test_classes_are_drawn(tmp_path: Path) -> None:
    task = Task(kind="classification", level="sequence", outputs=["anger", "joy"])
    table = pd.DataFrame({"anger": [0.25], "joy": [0.75], "basis": "both"})
    assert draw(prediction(task, table), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5_000


def test_the_page_shows_figure_missing_stretches_and_what_to_trust(tmp_path: Path) -> None:
    values = np.full((4, 2), 0.5, np.float32)
    table = table_of(Task(), values, TIMES, {"audio": SOUND, "video": FACE}, FACE)
    made = prediction(Task(), table, "<b>.mp4", synthetic=True)
    files = [tmp_path / "<b>.a.csv", tmp_path / "<b>.a.png"]
    assert draw(made, files[1])
    write_page(made, tmp_path / "a.html", files)
    page = (tmp_path / "a.html").read_text()
    assert "data:image/png;base64," in page
    assert "<script" not in page
    assert "<b>.mp4" not in page
    assert "&lt;b&gt;.mp4" in page
    assert "<td>no face</td><td>0.2</td><td>0.4</td><td>0.2</td>" in page
    assert "<td>video</td><td>the face alone</td><td>25%</td>" in page
    assert "trained on the synthetic demo corpus" in page
    assert "no reading of what a person feels" in page
    assert 'href="%3Cb%3E.a.csv"' in page
