"""The table of trust, and the figure of risks."""

import pandas as pd
import pytest

from features.task import Task
from reports.figures.style import styles
from reports.figures.trust import draw_risks
from reports.tables.trust import trust_table, words_of_trust
from tests.helpers.result_files import AFFECT, EMOTIONS, trust

MODELS = ["a", "b"]


def tables(task: dict, speakers: int = 12) -> tuple[pd.DataFrame, Task]:
    kind = Task.model_validate({k: v for k, v in task.items() if k != "metrics"})
    return pd.concat([trust(m, [0, 1], task, speakers) for m in MODELS]), kind


def test_a_cell_for_each_of_what_answers_rest_on() -> None:
    table, task = tables(AFFECT)
    html = trust_table(table, MODELS, task)
    assert html.index("Both") < html.index("Sound alone")
    assert html.count("<td") == 2 * 2 * 2 * 3  # models, targets, bases, measures
    assert html.count("0.910") == 8
    assert "12 speakers" in words_of_trust(table, task)


def test_classes_have_errors_before_and_after() -> None:
    table, task = tables(EMOTIONS)
    html = trust_table(table, MODELS, task)
    assert html.count("0.200") == html.count("0.050") == 4
    assert "temperature scaling" in words_of_trust(table, task)


@pytest.mark.parametrize(("speakers", "says"), [(9, "too few speakers, 9"), (0, "no speakers")])
def test_the_page_says_that_there_are_too_few(speakers: int, says: str) -> None:
    table, task = tables(AFFECT, speakers)
    assert says in words_of_trust(table, task)
    assert trust_table(table, MODELS, task) == ""


def test_a_line_of_risks_for_each_model_and_target() -> None:
    table, task = tables(AFFECT)
    figure = draw_risks(table, styles(MODELS), task, MODELS)
    panels = figure.get_axes()
    assert [len(ax.lines) for ax in panels] == [2, 2]
    assert panels[0].lines[0].get_ydata().tolist() == pytest.approx([0.2, 0.4])
