"""Figures of how far outputs can be trusted."""

from collections.abc import Mapping

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from features.task import Task
from reports.figures.style import RC, Style, add_legend, model_handles
from reports.numbers.words import target_titles


def draw_risks(trust: pd.DataFrame, looks: Mapping[str, Style], task: Task) -> Figure:
    """Risk against coverage: the error of the surest answers, where the model abstains from others.

    A panel per target, a line per model, means over seeds.

    Args:
        trust: `Results.trust`.
        looks: of the models that are shown.
        task: its targets.
    """
    risks = trust[trust["measure"] == "risk"]
    means = risks.groupby(["model", "target", "at"], sort=False)["value"].mean()
    titles = target_titles(task)
    error = "wrong" if task.kind == "classification" else "root mean square error"
    with mpl.rc_context(RC):
        size = (5 * len(task.targets), 3.6)
        figure = Figure(figsize=size, layout="constrained")
        row = figure.subplots(1, len(task.targets), squeeze=False)[0]
        for ax, target in zip(row, task.targets, strict=True):
            for model, look in looks.items():
                if (model, target) not in means.index:
                    continue
                line = means[model, target].sort_index()
                ax.plot(
                    line.index, line, color=look.colour, linestyle=look.dash, marker=look.marker
                )
            ax.set_title(titles[target])
            ax.set_xlabel("share that is answered, the surest first")
            ax.set_ylim(bottom=0)
        row[0].set_ylabel(error)
        add_legend(figure, model_handles(looks))
    return figure
