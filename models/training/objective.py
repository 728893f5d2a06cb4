"""What is learnt where a network states nothing else: the labels, and what teachers answer."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from features.task import Task
from models.networks.recogniser import Recogniser
from models.networks.stream import Outputs
from models.training.losses import total_loss
from models.training.phases import Lossy
from models.training.teaching import Teachers


@dataclass(frozen=True)
class Objective:
    """The loss of the labels and, where a modality is gone, of the teachers' answers.

    Attributes:
        network: that learns.
        task: what it has to recognise.
        class_weights: (classes,), or None.
        teachers: networks of one modality each, or None.
        within_speaker: weight of the loss within speakers.
        ccc: what a CCC is over: the batch, or each sequence.
    """

    network: Recogniser
    task: Task
    class_weights: Tensor | None = None
    teachers: Teachers | None = None
    within_speaker: float = 0.0
    ccc: Literal["batch", "sequence"] = "batch"

    def __call__(self, outputs: Outputs, lossy: Lossy) -> Tensor:
        """A scalar with gradients."""
        loss = total_loss(
            self.network,
            self.task,
            outputs,
            lossy.batch,
            self.class_weights,
            self.within_speaker,
            self.ccc,
        )
        if self.teachers is None:
            return loss
        return loss + self.teachers.loss(
            self.task, outputs.fused, lossy.inputs, lossy.batch, lossy.lost
        )
