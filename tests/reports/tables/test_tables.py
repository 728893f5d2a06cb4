"""Tables: which numbers are bold, missing and counted."""

import math
import re

import pandas as pd

from features.task import AFFECT, Task
from reports.tables.conditions import (
    conditions_table,
    imputation_table,
    intact_table,
)
from reports.tables.markup import decimals, signed
from tests.helpers.evaluation_rows import ASKED


def table(*rows):
    names = ["model", "modality", "strategy", "p", "target", "value", "sd", "n"]
    frame = pd.DataFrame(rows, columns=names).assign(burst=0.0, **ASKED)
    return conditions_table(frame, ["a", "b"], AFFECT)


def cells(html):
    body = html[html.index("<tbody>") :]
    return [re.sub(r"<(?!/?b>)[^>]*>", "", cell) for cell in re.findall(r"<td.*?</td>", body)]


def test_the_best_is_bold_the_missing_a_dash_and_n_a_range():
    html = table(
        ("a", "video", "clip_zero", 0.5, "valence", 0.25, 0.01, 30),
        ("b", "video", "clip_zero", 0.5, "valence", -0.125, 0.02, 20),
        ("a", "video", "clip_zero", 0.5, "arousal", 0.5, math.nan, 1),
    )
    assert cells(html) == [
        "<b>0.250</b> ± 0.010",
        "0.500",  # alone: nothing to be best of; one value: no deviation
        "−0.125 ± 0.020",
        "–",
        "1–30",
    ]


def test_a_cell_is_the_darker_the_more_is_kept():
    html = table(
        ("a", "audio", "clip_zero", 0.5, "valence", 0.4, 0.01, 30),
        ("b", "audio", "clip_zero", 0.5, "valence", 0.1, 0.01, 30),
        ("a", "video", "clip_zero", 0.5, "valence", 0.0, 0.01, 30),
    )
    assert re.findall(r"--heat:(\d+)%", html) == ["100", "25", "0"]


def test_equal_to_three_digits_are_both_bold():
    html = table(
        ("a", "audio", "clip_zero", 0.5, "valence", 0.2501, 0.01, 30),
        ("b", "audio", "clip_zero", 0.5, "valence", 0.2499, 0.01, 30),
    )
    assert html.count("<b>0.250</b>") == 2


def test_columns_go_by_modality_strategy_and_probability():
    html = table(
        ("a", "video", "frame_zero", 0.9, "valence", 0.1, 0.0, 1),
        ("a", "audio", "frame_repeat", 1.0, "valence", 0.2, 0.0, 1),
        ("a", "audio", "clip_zero", 0.7, "valence", 0.3, 0.0, 1),
        ("a", "audio", "clip_zero", 0.3, "valence", 0.4, 0.0, 1),
    )
    assert re.findall(r"p = [\d.]+", html) == ["p = 0.3", "p = 0.7", "p = 1", "p = 0.9"]
    assert html.count("Clip-Zero") == 1
    assert html.index("Sound lost") < html.index("Picture lost")


def test_names_are_escaped():
    frame = pd.DataFrame(
        [("<i>", "audio", "clip_zero", 0.5, "valence", 0.1, 0.0, 1)],
        columns=["model", "modality", "strategy", "p", "target", "value", "sd", "n"],
    ).assign(burst=0.0, **ASKED)
    assert "<i>" not in conditions_table(frame, ["<i>"], AFFECT)
    odd = Task(outputs=("<u>",))
    html = conditions_table(frame.assign(target="<u>"), ["<i>"], odd)
    assert "<u>" not in html
    assert "&lt;u&gt;" in html


def test_the_lowest_error_is_bold():
    rows = [
        (model, "valence", metric, value, 0.1, 3)
        for metric, values in dict.fromkeys(("ccc", "pearson", "rmse"), (0.3, 0.4)).items()
        for model, value in zip("ab", values, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["model", "target", "metric", "value", "sd", "n"])
    one = Task(outputs=("valence",))
    assert cells(intact_table(frame, ["a", "b"], one)) == [
        "0.300 ± 0.100",
        "<b>0.300</b> ± 0.100",
        "<b>0.400</b> ± 0.100",
        "0.400 ± 0.100",
        "3",
        "3",
    ]


def test_other_metrics_have_columns_and_rows_of_classes_no_name():
    task = Task(kind="classification", level="sequence", outputs=("sad", "happy"))
    intact = pd.DataFrame(
        [("a", "class", "macro_f1", 0.5, 0.1, 3)],
        columns=["model", "target", "metric", "value", "sd", "n"],
    )
    html = intact_table(intact, ["a"], task)
    assert "<span>macro F1</span>" not in html
    assert "Macro F1" not in html  # the primary metric has tables of its own
    assert "Accuracy" in html


def test_numbers_have_a_true_minus_and_no_negative_zero():
    assert [decimals(x) for x in (-0.06, -0.0001, 0.5)] == ["−0.060", "0.000", "0.500"]
    assert [signed(x) for x in (-0.06, -0.0001, 0.5)] == ["−0.060", "+0.000", "+0.500"]


LOSS = ["model", "modality", "strategy", "burst", "p", "fill", "target", "value", "sd", "n"]


def test_any_grid_is_in_order_with_bursts_by_length():
    frame = pd.DataFrame(
        [
            ("a", modality, strategy, burst, p, "none", "valence", 0.1, 0.0, 1)
            for modality, strategy, burst, p in (
                ("both", "burst", 15.0, 0.3),
                ("both", "burst", 5.0, 0.6),
                ("both", "burst", 5.0, 0.3),
                ("both", "frame_zero", 0.0, 0.3),
                ("video", "blank_face", 0.0, 1.0),
                ("video", "noise", 0.0, 1.0),
                ("video", "subclip", 0.0, 0.5),
            )
        ],
        columns=LOSS,
    ).assign(**ASKED)
    html = conditions_table(frame, ["a"], AFFECT)
    assert re.findall("<summary>(.*?)</summary>", html) == [
        "Picture lost: Subclip",
        "Picture lost: Noise",
        "Picture lost: Blank face",
        "Sound and picture lost: Frame-Zero",
        "Sound and picture lost: Bursts of 5 frames",
        "Sound and picture lost: Bursts of 15 frames",
    ]
    shown = re.findall(r"p = ([\d.]+)", html)
    assert shown == ["0.5", "1", "1", "0.3", "0.3", "0.6", "0.3"]


def test_fillings_are_side_by_side():
    frame = pd.DataFrame(
        [
            ("a", "video", "frame_zero", 0.0, p, fill, "valence", value, math.nan, 1)
            for p, fill, value in (
                (0.9, "nearest", 0.3),
                (0.9, "none", 0.1),
                (0.95, "nearest", 0.2),
            )
        ],
        columns=LOSS,
    ).assign(**ASKED)
    one = Task(outputs=("valence",))
    html = imputation_table(frame, ["a"], one)
    assert cells(html) == ["0.100", "0.300", "–", "0.200", "1", "1", "", "1"]
    assert html.index("Frame-Zero, p = 0.9<") < html.index("Frame-Zero, p = 0.95<")
    assert html.count("nothing") == html.count("nearest one received") == 2
    assert "last one received" not in html
