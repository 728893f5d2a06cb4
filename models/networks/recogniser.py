"""What every recogniser of this package has in common: project, encode, fuse."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn

from features.task import Task
from models.ablation.frame_map import Lost, nearest, repeats, runs_of
from models.networks.stream import Outputs, Stream
from models.settings import Modality


@dataclass(frozen=True)
class Presence:
    """What a network does about missing frames; see `models.settings.ModelSettings`."""

    frames: Literal["ignored", "marked", "filled"] = "ignored"
    repeats: Literal["shown", "missing"] = "shown"


class Recogniser(nn.Module, ABC):
    """The outputs of a task from the streams of one or more modalities.

    The steps are public because evaluation shares work between conditions: a projection is an
    affine map of each frame, so ablation commutes with it, and an intact stream is encoded once.

    Args:
        features: input dimension of each modality.
        projected: dimension of each modality after `project`.
        task: what it has to recognise: so many outputs for every frame or for a sequence.
        presence: what to do about missing frames.

    Attributes:
        loss_weights: of the auxiliary outputs, by modality; the fused one has the weight
            `fused_weight`.
    """

    fused_weight: float = 1.0

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
        self.loss_weights: dict[Modality, float] = {}
        if presence.frames == "marked":
            self.tokens = nn.ParameterDict(
                # The scale of BERT's code (Devlin et al. 2019), whose normal is truncated.
                {m: nn.Parameter(0.02 * torch.randn(size)) for m, size in projected.items()}
            )

    def project(self, modality: Modality, x: Tensor) -> Tensor:
        """(clips, frames, features) to (clips, frames, dim): an affine map of each frame.

        A network without one leaves the features as they are.
        """
        return x

    def nothing(self, modality: Modality) -> Tensor:
        """The projection of a zeroed frame, (dim,)."""
        parameter = next(self.parameters())
        return self.project(modality, parameter.new_zeros(1, 1, self.features[modality]))[0, 0]

    def runs(self, x: Tensor) -> Tensor | None:
        """The runs of equal frames of features (`models.ablation.frame_map.runs_of`), if they matter."""
        return runs_of(x) if self.presence.repeats == "missing" else None

    def count(self, received: Tensor, runs: Tensor | None, lost: Lost | None = None) -> Tensor:
        """Which frames count as received in the end; (clips, frames) bool.

        Args:
            received: (clips, frames) bool, what arrives before anything is lost.
            runs: of the features that arrive (`runs`).
            lost: what is lost then, if anything.
        """
        if lost is not None:
            received = lost.frame_map.present(received)
            runs = None if runs is None else lost.frame_map.runs(runs)
        return received if runs is None else received & ~repeats(runs)

    def receive(self, x: Tensor, modality: Modality, mask: Tensor, present: Tensor) -> Stream:
        """A projected stream as the network sees it, missing frames replaced.

        Args:
            x: (clips, frames, dim), projected.
            modality: which one it is.
            mask: (clips, frames) bool, True for real frames.
            present: (clips, frames) bool, True for frames that count as received (`count`).
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

    def lose(self, modality: Modality, x: Tensor, lost: Lost) -> Tensor:
        """A projected stream, (clips, frames, dim), that has lost some features."""
        filling = lost.filling
        if filling is not None:
            filling = self.project(modality, filling if filling.ndim == 3 else filling[None, None])
        return lost.frame_map.apply(x, filling, self.nothing(modality))

    @abstractmethod
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        """What can be computed of one received modality alone."""

    @abstractmethod
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        """Outputs from the encoded streams."""

    def forward(
        self,
        inputs: Mapping[Modality, Tensor],
        mask: Tensor,
        present: Mapping[Modality, Tensor] | None = None,
        lost: Mapping[Modality, Lost] = MappingProxyType({}),
    ) -> Outputs:
        """Outputs (clips, frames, outputs) from feature streams; (clips, 1, outputs) of sequences.

        Args:
            inputs: (samples, frames, features) for each modality. All else may be of several copies
                of the samples, one after the other: these are made of the projections.
            mask: (clips, frames) bool, True for real frames, False for padding.
            present: (clips, frames) bool for each modality, False for frames that are missing; by
                default none is.
            lost: what modalities lose beside those. The outputs are those of features that have
                lost it, but only their projections, a fraction of the size, are copied.
        """
        encoded: dict[Modality, Stream] = {}
        for modality in self.modalities:
            received = mask if present is None else present[modality]
            x, own = inputs[modality], lost.get(modality)
            copies = len(mask) // len(x)
            projected, runs = self.project(modality, x), self.runs(x)
            if copies > 1:
                projected = projected.repeat(copies, 1, 1)
                runs = None if runs is None else runs.repeat(copies, 1)
            if own is not None:
                projected = self.lose(modality, projected, own)
            received = self.count(received, runs, own)
            encoded[modality] = self.encode(
                modality, self.receive(projected, modality, mask, received)
            )
        return self.fuse(encoded)
