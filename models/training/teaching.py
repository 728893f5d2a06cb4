"""What a network of two modalities learns from networks of one, where the other is gone."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from features.task import Task
from models.ablation.frame_map import Lost, LostRows
from models.networks.recogniser import Recogniser
from models.networks.stream import OTHER
from models.selection import worth_computing
from models.settings import Modality
from models.training.batch import Batch
from models.training.losses import task_loss


@dataclass(frozen=True)
class Teachers:
    """Networks of one modality each, trained before: the targets where the other is gone.

    Hinton et al. 2015, section 2, with the task's own loss: soft labels for classes, 1 − CCC with
    what the teacher says for regression.

    Attributes:
        networks: by the modality they see.
        weight: of their loss beside that of the labels.
    """

    networks: Mapping[Modality, Recogniser]
    weight: float

    def __post_init__(self) -> None:
        """Teachers learn nothing and drop nothing."""
        for network in self.networks.values():
            network.eval().requires_grad_(requires_grad=False)

    def loss(
        self,
        task: Task,
        fused: Tensor,
        inputs: Mapping[Modality, Tensor],
        batch: Batch,
        lost: Mapping[Modality, Lost | LostRows],
    ) -> Tensor:
        """How far the outputs are from the teachers', weighted.

        A clip counts for the teacher of a modality that is present where the other is gone; so do
        its frames without a label. Teachers see all of it, whatever the network that learns has
        lost.

        Args:
            task: what they recognise.
            fused: (clips, frames, outputs) of the network that learns; one of a sequence.
            inputs: (samples, frames, features) by modality; the clips may be copies of them.
            batch: the clips.
            lost: what that network was not given of them.

        Returns:
            A scalar; 0 where no clip has lost a whole modality.
        """
        loss = fused.new_zeros((), dtype=torch.float32)
        received, masks = batch.received(), batch.masks()
        present = {
            m: lost[m].present(frames) if m in lost else frames for m, frames in received.items()
        }
        for modality, network in self.networks.items():
            gone = ~present[OTHER[modality]].any(1)
            is_alone = present[modality].any(1) & gone
            alone = worth_computing(is_alone)
            if not len(alone):
                continue
            samples = alone % len(inputs[modality])
            steps = masks[modality][alone], received[modality][alone]
            answers = _answers(network, modality, inputs[modality][samples], *steps)
            targets = answers.softmax(-1) if task.kind == "classification" else answers
            mask = batch.mask[alone] & is_alone[alone, None]
            counted = mask if task.level == "frame" else mask.any(1, keepdim=True)
            apart = task_loss(task, fused[alone], targets, counted)
            loss = loss + self.weight * torch.where(counted.any(), apart, 0.0)
        return loss


@torch.no_grad()
def _answers(
    network: Recogniser, modality: Modality, x: Tensor, mask: Tensor, received: Tensor
) -> Tensor:
    """What a teacher says, (clips, frames, outputs), without gradients."""
    return network({modality: x}, {modality: mask}, {modality: received}).fused.float()
