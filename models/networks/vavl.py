"""Versatile audio-visual learning (VAVL), Goncalves, Leem, Lin, Sisman and Busso 2023."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Dropout, masked_mean
from models.networks.conformer import Conformer
from models.networks.generation import squares
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import OTHER, Outputs, Stream
from models.settings import Modality, NetworkSize, VAVLOptions
from models.training.phases import Loss, Lossy, Phase, Update


class VAVL(Recogniser):
    """A Conformer for each modality, one that both share, and three heads.

    A modality is projected to a few channels, goes through its Conformer, through the shared one
    with a residual around it, a layer norm and, of sequences, the mean over time. Each modality has
    a head that answers, and one that rebuilds the modality: of sequences the mean of its input
    vectors, of frames the frame's own. A third head answers from both modalities. With `dim` 512,
    `heads` 8, `ffn` 2048 and `layers` 3 the sizes are the published ones.

    Each batch has three updates: picture, sound, and the head of both, of which nothing else moves.
    A clip counts where it has the modality, so unpaired data can be learnt from. Where a modality
    is gone the other one's head answers; for that a model's `presence` must not be `ignored`, with
    which the head of both always answers.

    In the published code frames and clips change places before the Conformers, which so attend and
    convolve over the clips of a batch; here over frames. Its shift of
    relative positions is that of a decoder, which mixes up what comes later than the next frame;
    here positions are those of the Conformer's paper. Each of the updates has an optimizer of its
    own, the code one for each part, so that the shared one has two here and one there; and dropout
    stays on in the third update.

    Neither paper nor code has labels of frames.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: VAVLOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, dict.fromkeys(features, options.bottleneck), task, presence)
        self.rebuilding = options.rebuilding
        outputs, dim, dropout = len(task.outputs), size.dim, options.output_dropout
        self.projections = nn.ModuleDict(
            {m: nn.Linear(n, options.bottleneck, bias=False) for m, n in features.items()}
        )
        self.conformers = nn.ModuleDict(
            {m: Conformer(options.bottleneck, size, options.kernel) for m in features}
        )
        shared = size.model_copy(update={"layers": options.shared_layers})
        self.shared = Conformer(dim, shared, options.kernel)
        self.norm = nn.LayerNorm(dim)
        self.heads = nn.ModuleDict({m: _head(dim, dim, outputs, dropout) for m in features})
        self.rebuilders = nn.ModuleDict(
            {m: _head(dim, dim, n, dropout) for m, n in features.items()}
        )
        self.both = _head(len(features) * dim, dim, outputs, dropout)
        self.loss_weights = dict.fromkeys(self.modalities, 1.0)

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self.projections[modality](x)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        x = self.conformers[modality](stream.x, stream.keys, stream.mask)
        return stream.holding(self.norm(self.shared(x, stream.keys, stream.mask) + x))

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        parts = {m: self._pooled(encoded[m].x, encoded[m].mask) for m in self.modalities}
        both = self.both(torch.cat(list(parts.values()), dim=-1))
        answers = {m: self.heads[m](x) for m, x in parts.items()}
        gone = {m: encoded[m].gone for m in self.modalities}
        fused = both
        for m in self.modalities:
            alone = gone[OTHER[m]] & ~gone[m]
            fused = torch.where(alone[:, None, None], answers[m], fused)
        inside: dict[str, Tensor] = {}
        if self.training:
            inside = {"both": both, **{m: self.rebuilders[m](x) for m, x in parts.items()}}
        return Outputs(fused, answers, gone, inside)

    def _pooled(self, x: Tensor, mask: Tensor) -> Tensor:
        return x if self.per_frame else masked_mean(x, mask)

    @override
    def phases(self, objective: Loss) -> tuple[Phase, ...]:
        updates = []
        for m in ("video", "audio"):  # the order of the published code
            own = (f"{part}.{m}" for part in ("tokens", "projections", "conformers", "heads"))
            moved = (*own, f"rebuilders.{m}.", "shared.", "norm.")
            updates.append(Update(_OfModality(self, m, objective), moved))
        both = Update(lambda outputs, lossy: _of_both(objective, outputs, lossy), ("both.",))
        return (Phase("in turn", (*updates, both)),)


class _OfModality:
    """The loss of one modality's head and of what is rebuilt of it, where the modality is there."""

    def __init__(self, network: VAVL, modality: Modality, objective: Loss) -> None:
        self.network, self.modality, self.objective = network, modality, objective

    def __call__(self, outputs: Outputs, lossy: Lossy) -> Tensor:
        """A scalar with gradients."""
        there = lossy.present(self.modality)
        clips = there.any(1)
        answer = Outputs(outputs.auxiliary[self.modality], {})
        loss = self.objective(answer, lossy.counting(clips))
        x, received = lossy.whole(self.modality), lossy.batch.received()[self.modality]
        if self.network.per_frame:
            target, real = x, received & clips[:, None]
        else:
            target, real = masked_mean(x, received), clips[:, None]
        return loss + self.network.rebuilding * squares(outputs.inside[self.modality], target, real)


def _of_both(objective: Loss, outputs: Outputs, lossy: Lossy) -> Tensor:
    """The loss of the head of both, where both are there."""
    clips = torch.stack([lossy.present(m).any(1) for m in lossy.inputs]).all(0)
    return objective(Outputs(outputs.inside["both"], {}), lossy.counting(clips))


def _head(inputs: int, dim: int, outputs: int, dropout: float) -> nn.Sequential:
    """Three dense layers, of which the first alone has an activation, as in the authors' code."""
    return nn.Sequential(
        nn.Linear(inputs, dim),
        nn.ReLU(),
        Dropout(dropout),
        nn.Linear(dim, dim // 2),
        nn.Linear(dim // 2, outputs),
    )
