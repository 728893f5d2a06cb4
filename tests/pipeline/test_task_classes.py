from dataclasses import replace

import pytest

from features.corpora.item import AFFECT, Task
from pipeline.tasks import task_of_labels, task_of_models

SENTIMENT = Task("sentiment", "sequence", ("sentiment",), low=-3, high=3)
CLASSES = Task("classification", "sequence", ("anger", "joy"))


@pytest.mark.parametrize("task", [AFFECT, SENTIMENT, CLASSES])
def test_models_and_labels_have_the_same_task_but_for_its_range(task):
    known = task_of_models(task)
    assert (known.kind, known.level, known.outputs) == (task.kind, task.level, [*task.outputs])
    assert task_of_labels(known) == replace(task, low=-1.0, high=1.0)
