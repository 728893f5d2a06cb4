"""Figures of how far outputs can be trusted."""

from collections.abc import Collection, Mapping

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from features.task import Task
from reports.figures.panels import draw_panels
from reports.figures.style import FAINT, PAGE, Shape, Style, add_legend, model_handles
from reports.numbers.words import target_titles


def draw_risks(
    trust: pd.DataFrame,
    looks: Mapping[str, Style],
    task: Task,
    focus: Collection[str],
    shape: Shape = PAGE,
) -> Figure:
    """Risk against coverage: the error of the surest answers, where the model abstains from others.

    A panel per target, a line per model, means over seeds.

    Args:
        trust: `Results.trust`.
        looks: of the models that are shown.
        task: its targets.
        focus: models in colour; the others are grey.
        shape: of the figure.
    """
    risks = trust[trust["measure"] == "risk"]
    means = risks.groupby(["model", "target", "at"], sort=False)["value"].mean()
    titles = target_titles(task)
    error = "wrong" if task.kind == "classification" else "root mean square error"
    named = {model: look for model, look in looks.items() if model in focus}
    with mpl.rc_context(shape.rc):
        figure, axes = draw_panels(
            list(titles.values()),
            3 * shape.scale,
            shape,
            xlabel="share that is answered, the surest first",
            ylabel=error,
            most=2,
        )
        for ax, target in zip(axes, task.targets, strict=True):
            for model in sorted(looks, key=lambda model: model in named):  # the grey ones below
                if (model, target) not in means.index:
                    continue
                line, look = means[model, target].sort_index(), named.get(model)
                if look is None:
                    ax.plot(line.index, line, color=FAINT, lw=1)
                else:
                    colour, dash, marker = look.colour, look.dash, look.marker
                    ax.plot(line.index, line, color=colour, linestyle=dash, marker=marker)
            ax.set_ylim(bottom=0)
        add_legend(figure, model_handles(named))
    return figure
