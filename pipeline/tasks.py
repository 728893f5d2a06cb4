"""The task as labels have it, and as models do: two classes, of which one knows no corpus."""

from features.corpora import item
from models import settings


def task_of_models(task: item.Task) -> settings.Task:
    """A corpus's task as its models know it: without the range of valid labels."""
    return settings.Task(kind=task.kind, level=task.level, outputs=list(task.outputs))


def task_of_labels(task: settings.Task) -> item.Task:
    """A model's task as labels have it; the range, which a model does not know, is the usual."""
    return item.Task(task.kind, task.level, tuple(task.outputs))
