"""Figures: panels, looks, and files."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from features.task import Task
from reports.figures import charts, losses, style
from reports.numbers.words import target_titles

CLASSES = ("happy", "sad", "$fear$")


def shown(figure):
    """The panels that are visible."""
    return [ax for ax in figure.axes if ax.get_visible()]


def conditions(targets):
    rows = [
        ("a", "video", strategy, p, target, 0.5 - p / 4, 0.1, 3)
        for strategy in ("clip_zero", "frame_zero")
        for p in (0.0, 1.0)
        for target in targets
    ]
    names = ["model", "modality", "strategy", "p", "target", "value", "sd", "n"]
    return pd.DataFrame(rows, columns=names).assign(burst=0.0)


def looks(*models):
    return style.styles(models)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_losses_have_a_row_for_each_target(count):
    task = Task(level="sequence", outputs=tuple("abcde"[:count]))
    figure = losses.draw_losses(conditions(task.targets), "video", looks("a"), task)
    assert len(figure.axes) == 2 * count
    labels = [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()]
    assert labels == [f"{target.upper()}, CCC" for target in task.targets]


def test_losses_of_classes_are_one_row_of_the_metric():
    task = Task(kind="classification", level="sequence", outputs=CLASSES)
    figure = losses.draw_losses(conditions(["class"]), "video", looks("a"), task)
    assert [ax.get_ylabel() for ax in figure.axes] == ["macro F1", ""]


def test_losses_put_many_strategies_below_each_other_with_bursts_by_length():
    kinds = {("clip_zero", 0.0): 5, ("burst", 15.0): 2, ("burst", 5.0): 3, ("noise", 0.0): 11}
    rows = [
        ("a", "both", strategy, burst, p, target, p / 2, 0.1, 3)
        for (strategy, burst), count in kinds.items()
        for p in np.linspace(0, 1, count)
        for target in ("x", "y")
    ]
    names = ["model", "modality", "strategy", "burst", "p", "target", "value", "sd", "n"]
    task = Task(level="sequence", outputs=("x", "y"))
    figure = losses.draw_losses(pd.DataFrame(rows, columns=names), "both", looks("a"), task)
    panels = shown(figure)
    assert [ax.get_title() for ax in panels] == [
        *("Clip-Zero", "Bursts of 5 frames", "Bursts of 15 frames"),
        *("", "", "", "Noise", ""),
    ]
    assert [len(ax.get_xticks()) for ax in panels] == [5, 3, 2, 5, 3, 2, 11, 11]
    labels = [ax.get_ylabel() for ax in panels]
    assert labels == ["X, CCC", "", "", "Y, CCC", "", "", "X, CCC", "Y, CCC"]
    assert len({ax.get_ylim() for ax in panels}) == 1


def test_losses_leave_models_out_that_have_no_look():
    table = conditions(["x"])
    both = pd.concat([table, table.assign(model="b", value=99.0)])
    task = Task(level="sequence", outputs=("x",))
    figure = losses.draw_losses(both, "video", looks("a"), task)
    assert figure.axes[0].get_ylim()[1] < 1


@pytest.mark.parametrize(
    ("kind", "metric", "lines"),
    [("regression", "CCC", 3), ("classification", "macro F1", 2)],
)
def test_learning_curves_show_a_loss_of_the_kind_of_the_metric_only(kind, metric, lines):
    history = pd.DataFrame(
        {"model": "a", "seed": 0, "epoch": [1, 2], "train_loss": 0.5, "heldout": 0.2, "best": 1}
    )
    task = Task(kind=kind, level="sequence", outputs=("x",))
    (ax,) = shown(charts.draw_learning_curves(history, looks("a"), task))
    assert len(ax.lines) == lines  # (loss,) held out, kept
    assert ax.get_ylabel() == metric


@pytest.mark.parametrize("count", [1, 2, 7])
def test_dots_have_a_panel_for_each_target(count):
    task = Task(outputs=tuple("abcdefg"[:count]))
    table = pd.DataFrame({"model": "m", "item": "x", "target": list(task.targets), "value": 0.5})
    panels = shown(charts.draw_dots(table, looks("m"), task, quantity="CCC"))
    assert [ax.get_title() for ax in panels] == list(target_titles(task).values())


@pytest.mark.parametrize("count", [1, 4])
def test_confusion_writes_counts_and_shades_by_row(count):
    counts = np.array([[30, 10, 0], [2, 0, 6], [0, 0, 0]])
    matrices = {f"model_{i}": counts for i in range(count)}
    *panels, bar = shown(charts.draw_confusion(matrices, CLASSES))
    assert [ax.get_title() for ax in panels] == list(matrices)
    assert [text.get_text() for text in panels[0].texts] == [str(n) for n in counts.ravel()]
    shares = panels[0].collections[0].get_array()
    assert np.allclose(shares, [[0.75, 0.25, 0], [0.25, 0, 0.75], [0, 0, 0]])
    assert [label.get_text() for label in panels[-1].get_xticklabels()] == list(CLASSES)
    assert [label.get_text() for label in panels[0].get_yticklabels()] == list(CLASSES)
    assert panels[0].yaxis_inverted()
    assert bar.get_xlabel() == "share of the annotated class"


def test_scatter_has_a_dot_for_each_sequence_and_equal_axes():
    table = pd.DataFrame(
        {"model": ["a", "a", "b"], "annotated": [-1, 0.5, 0.5], "predicted": [0.1, 2.0, 0.2]}
    )
    first, second = shown(charts.draw_scatter(table, looks("a", "b"), "sentiment"))
    assert [len(ax.lines[-1].get_xdata()) for ax in (first, second)] == [2, 1]
    assert first.get_xlim() == first.get_ylim() == second.get_xlim()
    assert first.get_xlim() == pytest.approx((-1.15, 2.15))
    assert (first.get_xlabel(), first.get_ylabel()) == (
        "annotated sentiment",
        "predicted sentiment",
    )


def test_scatter_of_nothing_is_an_empty_panel():
    table = pd.DataFrame(columns=["model", "annotated", "predicted"], dtype="float64")
    (panel,) = shown(charts.draw_scatter(table, looks("a"), "sentiment"))
    assert [len(line.get_xdata()) for line in panel.lines] == [2, 0]


def test_models_beyond_those_that_matter_are_grey_and_have_no_name():
    table = conditions(["x"])
    both = pd.concat([table, table.assign(model="b")])
    task = Task(level="sequence", outputs=("x",))
    figure = losses.draw_losses(both, "video", looks("a", "b"), task, focus=["b"])
    colours = {line.get_color() for line in figure.axes[0].lines}
    assert style.FAINT in colours
    assert looks("b")["b"].colour in colours
    assert looks("a")["a"].colour not in colours
    named = [text.get_text() for text in figure.axes[-1].texts]
    assert named == ["b"]


def test_names_at_the_ends_of_lines_do_not_touch():
    places = losses.spread([0.5, 0.5, 0.48, 0.1], 0.05)
    assert np.diff(sorted(places)).min() >= 0.05 - 1e-9
    assert places[3] == 0.1


def test_one_wild_epoch_does_not_scale_the_learning_curves():
    held = [*np.linspace(0.2, 0.5, 99), -40.0]
    history = pd.DataFrame({"heldout": held, "train_loss": 0.6})
    low, high = charts.learning_limits(history, has_loss=True)
    assert -0.5 < low < 0.2
    assert 0.5 < high < 1


def test_a_look_is_of_the_name_wherever_the_model_stands():
    names = ["baseline", "lacuna", "mine", *(f"model_{i}" for i in range(9))]
    assert style.styles(names) == style.styles(names[::-1])
    assert len({look.colour for look in style.styles(style.KNOWN).values()}) == len(style.KNOWN)


def test_twenty_models_look_different():
    looks = style.styles([f"model_{i}" for i in range(20)]).values()
    assert len({(look.colour, look.dash) for look in looks}) == 20


def test_a_heavy_figure_becomes_png(tmp_path):
    rng = np.random.default_rng(0)
    light, heavy = Figure(), Figure()
    light.subplots().plot([0, 1])
    heavy.subplots().scatter(*rng.random((2, 20_000)))
    assert style.save_figure(light, tmp_path / "light") == tmp_path / "light.svg"
    assert style.save_figure(heavy, tmp_path / "heavy") == tmp_path / "heavy.png"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heavy.png", "light.svg"]


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
