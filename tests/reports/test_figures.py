"""Figures: missing stretches, looks, and files."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from reports import style
from reports.figures import plot_prediction, stretches


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([1, 1, 1, 1], []),
        ([0, 0, 0, 0], [[0.0, 4.0]]),
        ([0, 1, 1, 0], [[0.0, 1.0], [3.0, 4.0]]),
        ([1, 0, 0, 1], [[1.0, 3.0]]),
    ],
)
def test_stretches_last_until_the_next_frame(present, expected):
    assert stretches([0.0, 1.0, 2.0, 3.0], present).tolist() == expected


def test_stretches_of_a_variable_rate_and_of_no_frames():
    assert stretches([0.0, 1.0, 5.0], [True, False, True]).tolist() == [[1.0, 5.0]]
    assert stretches([], []).shape == (0, 2)
    assert stretches([2.0], [False]).tolist() == [[2.0, 2.0]]


def test_twenty_models_look_different():
    looks = style.styles([f"model_{i}" for i in range(20)]).values()
    assert len({(look.colour, look.dash) for look in looks}) == 20


def test_a_heavy_figure_becomes_png(tmp_path):
    rng = np.random.default_rng(0)
    light, heavy = Figure(), Figure()
    light.subplots().plot([0, 1])
    heavy.subplots().scatter(*rng.random((2, 20_000)))
    assert style.save(light, tmp_path / "light") == tmp_path / "light.svg"
    assert style.save(heavy, tmp_path / "heavy") == tmp_path / "heavy.png"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heavy.png", "light.svg"]


@pytest.mark.parametrize("suffix", [".svg", ".png"])
@pytest.mark.parametrize("missing", ["nothing", "face", "sound", "both"])
def test_plot_prediction_is_the_same_every_time(tmp_path, suffix, missing):
    times = np.arange(60) / 30
    face = np.full(60, missing not in {"face", "both"})
    sound = np.where(missing in {"sound", "both"}, times > 1, True)
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        plot_prediction(
            times, np.sin(times), np.cos(times), face, sound, path=path, title="clip.mp4"
        )
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert len(first) > 5000


def test_plot_prediction_shows_a_note_below_its_panels(tmp_path):
    path = tmp_path / "clip.svg"
    plot_prediction([0, 1], [0, 1], [0, 1], [1, 1], [1, 1], path=path, title="t", note="a trial")
    assert "<!-- a trial -->" in path.read_text()


def test_a_note_is_below_all_panels_and_inside_the_figure():
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel("time, s")
    style.add_note(figure, "a note")
    figure.draw_without_rendering()
    (note,) = (text for text in figure.findobj(Text) if text.get_text() == "a note")
    box, panel = note.get_window_extent(), axes.get_tightbbox()
    assert 0 <= box.y0 < box.y1 <= panel.y0
    assert box.x1 <= figure.bbox.x1


def test_plot_prediction_of_one_frame(tmp_path):
    plot_prediction(
        [0.0], [0.1], [0.2], [False], [False], path=tmp_path / "one.png", title="one frame"
    )
    assert (tmp_path / "one.png").stat().st_size > 5000
