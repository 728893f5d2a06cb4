"""The missing modality imagination network (MMIN) of Zhao, Li and Jin 2021, and IF-MMIN.

What a modality that is gone would have looked like is imagined from the one that is there, by a
cascade of residual autoencoders, whose bottlenecks are what is recognised from.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from typing_extensions import override

from features.task import Task
from models.networks.blocks import Dropout
from models.networks.generation import Weigh, mean_of, squares
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import Outputs, Stream
from models.settings import MMINOptions, Modality, NetworkSize
from models.training.phases import Loss, Lossy, Phase, Update

MOMENTS = 5
"""Of the central moment discrepancy, as in the code of IF-MMIN."""


class Block(nn.Module):
    """An autoencoder of three layers to its bottleneck, and three back."""

    def __init__(self, dim: int, widest: int) -> None:
        super().__init__()
        wide, middle, narrow = widest, widest // 2, widest // 4
        self.encoder = nn.Sequential(
            nn.Linear(dim, wide),
            nn.LeakyReLU(),
            nn.Linear(wide, middle),
            nn.LeakyReLU(),
            nn.Linear(middle, narrow),
        )
        self.decoder = nn.Sequential(
            nn.Linear(narrow, middle),
            nn.ReLU(),
            nn.Linear(middle, wide),
            nn.ReLU(),
            nn.Linear(wide, dim),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The bottleneck, and what is made of it, as wide as `x`."""
        bottleneck = self.encoder(x)
        return bottleneck, self.decoder(bottleneck)


class Cascade(nn.Module):
    """Autoencoders one after the other, and a transition of two dense layers at their end.

    Each one is given the sum of what the one before was given and what it made of it; where there
    are invariant features, the sum of these and of what the one before made.

    Args:
        dim: of what is imagined.
        widest: layer of an autoencoder; its bottleneck has a quarter.
        blocks: how many autoencoders.
    """

    def __init__(self, dim: int, widest: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(dim, widest) for _ in range(blocks))
        self.transition = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(self, x: Tensor, invariant: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What is imagined, (…, dim), and all bottlenecks, (…, blocks · widest / 4)."""
        bottlenecks, made = [], x if invariant is not None else torch.zeros_like(x)
        for block in self.blocks:
            x = x + made if invariant is None else made + invariant
            bottleneck, made = block(x)
            bottlenecks.append(bottleneck)
        imagined = self.transition(x + made if invariant is None else made)
        return imagined, torch.cat(bottlenecks, dim=-1)


class MMIN(Recogniser):
    """An LSTM for each modality, a cascade that imagines, and one that goes back.

    It is trained in two phases: encoders with a classifier, on complete batches; then the cascade
    with all else, where modalities are lost, to imagine what the encoders of the first phase make
    of what was taken away. With `dim` 128, `ffn` 256 and `layers` 5 it has the published sizes for
    two modalities: embeddings of 128, autoencoders of 256, 128 and 64, five of them. The first
    phase's classifier has no say afterwards.

    With `options.consistency` it is IF-MMIN (Zuo et al. 2023): an encoder that both modalities
    share, drawn to features of equal distribution in the first phase, joins the cascade in the
    second.

    An embedding is the maximum over a sequence's frames. Where each frame has a label, which
    neither paper has, it is the LSTM's output at the frame. The text encoder is left out. A
    modality is lost by zeros, as in the papers; the network is not told.

    In all of the following it is as in the code published with IF-MMIN, which has both networks:
    LeakyReLU on the way to a bottleneck and ReLU back, no activation of the bottleneck itself, the
    transition, and that the embedding of zeros is the target of a modality that was not taken away.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: MMINOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, features, task, presence)
        self.weights = options
        joint, outputs = len(features) * size.dim, len(task.outputs)
        self.encoders = nn.ModuleDict(
            {m: nn.LSTM(n, size.dim, batch_first=True) for m, n in features.items()}
        )
        self.shared = Shared(size.dim) if options.consistency else None
        known = 2 * joint if options.consistency else joint
        self.fusion = _classifier(known, size.dim, outputs, size.dropout)
        self.cascade = Cascade(joint, size.ffn, size.layers)
        self.back = Cascade(joint, size.ffn, size.layers) if options.cycle else None
        bottlenecks = size.layers * (size.ffn // 4)
        self.classifier = _classifier(bottlenecks, size.dim, outputs, size.dropout)
        self.stage: Literal["fusion", "imagination"] = "imagination"

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        return stream.holding(self.encoders[modality](stream.x)[0])

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        parts = [self.pooled(encoded[m].x, encoded[m].mask) for m in self.modalities]
        embedded, invariant = torch.cat(parts, dim=-1), None
        inside = {"embedded": embedded}
        if self.shared is not None:
            inside["invariant"] = invariant = torch.cat([self.shared(x) for x in parts], dim=-1)
        if self.stage == "fusion":
            known = embedded if invariant is None else torch.cat((embedded, invariant), dim=-1)
            return Outputs(self.fusion(known), {}, inside=inside)
        inside["imagined"], bottlenecks = self.cascade(embedded, invariant)
        if self.back is not None and self.training:
            inside["back"], _ = self.back(inside["imagined"])
        return Outputs(self.classifier(bottlenecks), {}, inside=inside)

    def pooled(self, x: Tensor, mask: Tensor) -> Tensor:
        """(clips, frames, dim) of frames; of a sequence the maximum over them, (clips, 1, dim)."""
        if self.per_frame:
            return x
        real = mask.unsqueeze(-1)
        largest = x.masked_fill(~real, torch.finfo(x.dtype).min).amax(1, keepdim=True)
        return torch.where(real.any(1, keepdim=True), largest, 0)

    @override
    def phases(self, objective: Loss, weigh: Weigh = mean_of) -> tuple[Phase, ...]:
        """Encoders and a classifier on complete batches; then imagination.

        Args:
            objective: the loss of the labels.
            weigh: makes one number of the losses of what is imagined, by modality.
        """
        imagination = Imagination(self, objective, weigh)

        def at(stage: Literal["fusion", "imagination"]) -> Callable[[], None]:
            def begin() -> None:
                self.stage = stage
                if stage == "imagination":
                    imagination.remember(self)

            return begin

        fusing = Update(Fusing(self, objective), complete=True)
        fused = ("encoders.", "fusion.", "shared.")
        imagining = ("encoders.", "cascade.", "back.", "classifier.", "shared.")
        return (
            Phase("fusion", (fusing,), parameters=fused, begin=at("fusion")),
            Phase("imagination", (Update(imagination),), None, imagining, at("imagination")),
        )


class Shared(nn.Module):
    """The encoder of what modalities have in common: two layers of LeakyReLU."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(…, dim) to the same shape."""
        return leaky_relu(self.second(leaky_relu(self.first(x))))


class Fusing:
    """The loss of the first phase: that of the labels; of IF-MMIN the discrepancy beside it."""

    def __init__(self, network: MMIN, objective: Loss) -> None:
        self.network, self.objective = network, objective

    def __call__(self, outputs: Outputs, lossy: Lossy) -> Tensor:
        """A scalar with gradients."""
        loss = self.objective(outputs, lossy)
        if "invariant" not in outputs.inside:
            return loss
        real = lossy.answered(per_frame=self.network.per_frame)
        first, second = outputs.inside["invariant"].float().chunk(2, dim=-1)
        return loss + discrepancy(first, second, real)


class Imagination(nn.Module):
    """The loss of the second phase, which remembers the encoders of the first.

    Beside that of the labels: how far what is imagined is from what those encoders make of what was
    taken away, how far the way back is from the embeddings, and in IF-MMIN how far the invariant
    features are from those of complete input.
    """

    def __init__(self, network: MMIN, objective: Loss, weigh: Weigh) -> None:
        super().__init__()
        self.encoders = deepcopy(network.encoders).requires_grad_(requires_grad=False)
        self.shared = deepcopy(network.shared)
        if self.shared is not None:
            self.shared.requires_grad_(requires_grad=False)
        self.weigh, self.objective = weigh, objective
        self.weights, self._pooled = network.weights, network.pooled
        self._per_frame = network.per_frame

    def remember(self, network: MMIN) -> None:
        """Take the weights that the first phase has chosen."""
        self.encoders.load_state_dict(network.encoders.state_dict())
        if self.shared is not None and network.shared is not None:
            self.shared.load_state_dict(network.shared.state_dict())

    def forward(self, outputs: Outputs, lossy: Lossy) -> Tensor:
        """A scalar with gradients."""
        loss, real = self.objective(outputs, lossy), lossy.answered(per_frame=self._per_frame)
        targets, imagined = self._taught(lossy, taken=True), outputs.inside["imagined"]
        parts = dict(zip(targets, imagined.chunk(len(targets), dim=-1), strict=True))
        generated = {m: squares(parts[m], targets[m], real) for m in targets}
        loss = loss + self.weights.imagined * self.weigh(generated)
        if "back" in outputs.inside:
            start = outputs.inside["embedded"].detach()
            loss = loss + self.weights.cycle * squares(outputs.inside["back"], start, real)
        if self.shared is not None:
            complete = self._taught(lossy, taken=False)
            with torch.no_grad():
                expected = torch.cat([self.shared(x) for x in complete.values()], dim=-1)
            apart = squares(outputs.inside["invariant"], expected, real)
            loss = loss + self.weights.consistency * apart
        return loss

    @torch.no_grad()
    def _taught(self, lossy: Lossy, *, taken: bool) -> dict[Modality, Tensor]:
        """What the encoders make of what was taken away, or of all there was."""
        embeddings = {}
        for m in lossy.inputs:
            x, received = lossy.whole(m), lossy.batch.received()[m]
            if taken:
                x = x * (received & ~lossy.present(m)).unsqueeze(-1)
            embeddings[m] = self._pooled(self.encoders[m](x)[0], lossy.batch.masks()[m])
        return embeddings


def discrepancy(x: Tensor, y: Tensor, real: Tensor) -> Tensor:
    """Central moment discrepancy (Zellinger et al. 2017) of two samples, unscaled.

    The distance of the means, and of the central moments up to MOMENTS; 0 where nothing counts.

    Args:
        x: (clips, frames, dim).
        y: likewise.
        real: (clips, frames) bool, the frames that count.

    >>> x, real = torch.tensor([[[0.0], [2.0], [9.0]]]), torch.tensor([[True, True, False]])
    >>> float(discrepancy(x, x, real)), round(float(discrepancy(x, x + 3, real)), 4)
    (0.0, 3.0)
    """
    weight = real.unsqueeze(-1).to(x.dtype)
    count = weight.sum().clamp_min(1)
    means = [(v * weight).sum((0, 1)) / count for v in (x, y)]
    distances = [_distance(*means)]
    for order in range(2, MOMENTS + 1):
        powers = [(v - m).pow(order) * weight for v, m in zip((x, y), means, strict=True)]
        distances.append(_distance(*(power.sum((0, 1)) / count for power in powers)))
    return torch.stack(distances).sum()


def _distance(x: Tensor, y: Tensor) -> Tensor:
    """Of two vectors; at 0, where a root has no gradient, its gradient is 0."""
    squared = (x - y).square().sum()
    return torch.where(squared > 0, squared, 1).sqrt() * (squared > 0)


def _classifier(inputs: int, dim: int, outputs: int, dropout: float) -> nn.Sequential:
    """Two hidden layers of the width of an embedding."""
    hidden = [nn.Linear(inputs, dim), nn.ReLU(), Dropout(dropout)]
    hidden += [nn.Linear(dim, dim), nn.ReLU(), Dropout(dropout)]
    return nn.Sequential(*hidden, nn.Linear(dim, outputs))
