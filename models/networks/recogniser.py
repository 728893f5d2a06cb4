"""What every recogniser of this package has in common: project, lose, encode, fuse."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.errors import InputError
from features.task import Task
from models.ablation.frame_map import Lost, LostRows, nearest, repeats, runs_of
from models.networks.stream import Outputs, Stream
from models.settings import Modality
from models.training.phases import Loss, Phase, one_phase


@dataclass(frozen=True)
class Presence:
    """What a network does about missing frames, as `models.settings.ModelSettings` has it."""

    frames: Literal["ignored", "marked", "filled"] = "ignored"
    repeats: Literal["shown", "missing"] = "shown"


@dataclass(frozen=True)
class Projected:
    """One modality as it reaches a network, before and after something of it is lost.

    Attributes:
        x: (clips, frames, dim), projected.
        mask: (clips, frames) bool, True for real frames, False for padding.
        received: (clips, frames) bool, True for frames that there are.
        runs: (clips, frames) the runs of equal frames, None where they do not matter.
    """

    x: Tensor
    mask: Tensor
    received: Tensor
    runs: Tensor | None = None

    @classmethod
    def joined(cls, parts: Sequence["Projected"]) -> "Projected":
        """The clips of several, one after the other."""
        runs = [part.runs for part in parts if part.runs is not None]
        return cls(
            torch.cat([part.x for part in parts]),
            torch.cat([part.mask for part in parts]),
            torch.cat([part.received for part in parts]),
            torch.cat(runs) if runs else None,
        )


class Range(nn.Module):
    """A recogniser's last step outside training: targets within the labels' range.

    In training outputs are left as they are: beyond the range a loss would have no gradient. The
    logits of classes have no range.

    Args:
        task: what is recognised.
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.limits = None if task.kind == "classification" else (task.low, task.high)

    @override
    def forward(self, outputs: Tensor) -> Tensor:
        """The outputs (..., outputs), clamped."""
        if self.training or self.limits is None:
            return outputs
        return outputs.clamp(*self.limits)


class Recogniser(nn.Module, ABC):
    """The outputs of a task from the streams of one or more modalities.

    The steps of `forward` are public because evaluation shares work between conditions: a
    projection is an affine map of each frame, so ablation commutes with it, and an intact stream is
    encoded once. What an architecture gives are `project`, `encode` and `fuse`.

    Args:
        features: input dimension of each modality.
        projected: dimension of each modality after `project`.
        task: what it has to recognise: so many outputs for every frame or for a sequence.
        presence: what to do about missing frames.

    Attributes:
        loss_weights: of the auxiliary outputs, by modality; the fused one has the weight
            `fused_weight`.
        watched: what of its inside a strategy looks at in training.
        unexported: why it cannot be exported; empty where it can.
    """

    fused_weight: float = 1.0
    watched: tuple[str, ...] = ()
    unexported: str = ""

    def __init__(
        self,
        features: Mapping[Modality, int],
        projected: Mapping[Modality, int],
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__()
        self.features = dict(features)
        self.modalities: tuple[Modality, ...] = tuple(features)
        self.per_frame = task.level == "frame"
        self.presence = presence
        self.range = Range(task)
        self.loss_weights: dict[Modality, float] = {}
        if presence.frames == "marked":
            self.tokens = nn.ParameterDict(
                # The scale of BERT's code (Devlin et al. 2019), whose normal is truncated.
                {m: nn.Parameter(0.02 * torch.randn(size)) for m, size in projected.items()}
            )

    def forward(
        self,
        inputs: Mapping[Modality, Tensor],
        masks: Mapping[Modality, Tensor],
        present: Mapping[Modality, Tensor] | None = None,
        lost: Mapping[Modality, Lost | LostRows] = MappingProxyType({}),
    ) -> Outputs:
        """Outputs (clips, frames, outputs) from feature streams; (clips, 1, outputs) of sequences.

        Args:
            inputs: (samples, frames, features) for each modality. All else may be of several copies
                of the samples, one after the other: these are made of the projections.
            masks: (clips, frames) bool for each modality, False for padding. Two modalities of
                sequences may have different numbers of frames.
            present: (clips, frames) bool for each modality, False for frames that are missing; by
                default none is.
            lost: what modalities lose beside those. The outputs are those of features that have
                lost it, but only their projections, a fraction of the size, are copied.
        """
        present = masks if present is None else present
        encoded: dict[Modality, Stream] = {}
        for m in self.modalities:
            part = lost.get(m)
            if isinstance(part, LostRows):
                projected = self.receive(m, part.inputs, masks[m], part.received)
            else:
                projected = self.receive(m, inputs[m], masks[m], present[m])
                if part is not None:
                    projected = self.lose(m, projected, part)
            encoded[m] = self.perceive(m, projected)
        return self.answer(encoded)

    def receive(self, modality: Modality, x: Tensor, mask: Tensor, received: Tensor) -> Projected:
        """Project what arrives of a modality, before anything is lost.

        Args:
            modality: which one it is.
            x: (samples, frames, features).
            mask: (clips, frames) bool, False for padding; the clips are copies of the samples.
            received: (clips, frames) bool, which frames there are.
        """
        copies = mask.shape[0] // x.shape[0]  # `len` would be a constant of an exported graph
        projected = self.project(modality, x)
        runs = runs_of(x) if self.presence.repeats == "missing" else None
        if copies > 1:
            projected = projected.repeat(copies, 1, 1)
            runs = None if runs is None else runs.repeat(copies, 1)
        return Projected(projected, mask, received, runs)

    def lose(self, modality: Modality, projected: Projected, lost: Lost) -> Projected:
        """Take away what is lost of a modality: the same as to project features that lack it."""
        filling = lost.filling
        if filling is not None:
            filling = self.project(modality, filling if filling.ndim == 3 else filling[None, None])
        runs = projected.runs
        return Projected(
            lost.frame_map.apply(projected.x, filling, self.nothing(modality)),
            projected.mask,
            lost.frame_map.present(projected.received),
            None if runs is None else lost.frame_map.runs(runs),
        )

    def empty(self, modality: Modality, projected: Projected) -> Projected:
        """A modality that is gone altogether."""
        x = self.nothing(modality).expand_as(projected.x)
        return replace(projected, x=x, received=torch.zeros_like(projected.received))

    def perceive(self, modality: Modality, projected: Projected) -> Stream:
        """Encode a modality by itself, as the network sees it: missing frames replaced."""
        received, runs = projected.received, projected.runs
        if runs is not None:
            received = received & ~repeats(runs)
        return self.encode(modality, self.show(modality, projected.x, projected.mask, received))

    def show(self, modality: Modality, x: Tensor, mask: Tensor, present: Tensor) -> Stream:
        """Put something in place of missing frames, as `presence` says.

        Args:
            modality: which one it is.
            x: (clips, frames, dim), projected.
            mask: (clips, frames) bool, True for real frames.
            present: (clips, frames) bool, True for frames that count as received.
        """
        if self.presence.frames == "ignored":
            return Stream(x, mask, mask)
        present = present & mask
        if self.presence.frames == "marked":
            token = self.tokens[modality].to(x.dtype)
            shown = torch.where(present.unsqueeze(-1), x, token)
        else:
            index = nearest(present).unsqueeze(-1).expand_as(x)
            shown = x.gather(1, index)
        return Stream(shown, mask, present)

    def nothing(self, modality: Modality) -> Tensor:
        """The projection of a zeroed frame, (dim,)."""
        parameter = next(self.parameters())
        return self.project(modality, parameter.new_zeros(1, 1, self.features[modality]))[0, 0]

    def project(self, modality: Modality, x: Tensor) -> Tensor:
        """(clips, frames, features) to (clips, frames, dim): an affine map of each frame.

        A network without one leaves the features as they are.
        """
        return x

    @abstractmethod
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        """What can be computed of one received modality alone."""

    @abstractmethod
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        """Outputs from the encoded streams, of any size."""

    def answer(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        """Outputs from the encoded streams; outside training within the labels' range."""
        outputs = self.fuse(encoded)
        return outputs._replace(fused=self.range(outputs.fused))

    def begin(self, weights: Path, sha256: str) -> None:
        """Take published weights of a part of it, from which training begins.

        Args:
            weights: their file.
            sha256: what its hash must be.

        Raises:
            InputError: the file cannot be read or does not fit, or no part has such weights.
        """
        raise InputError(
            f"{type(self).__name__} has no part of published weights", "leave weights out"
        )

    def phases(self, objective: Loss) -> tuple[Phase, ...]:
        """How it is trained: by default in one phase, of the objective alone.

        Args:
            objective: the loss of the labels, and of teachers where there are any.
        """
        return one_phase(objective)
