"""Incomplete multimodality-diffused emotion recognition (IMDer), Wang, Li and Cui 2023."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.blocks import masked_mean
from models.networks.branches import Convolution
from models.networks.generation import Weigh, mean_of, squares
from models.networks.mult import MulT
from models.networks.recogniser import Presence
from models.networks.score import Frames, ScoreNetwork
from models.networks.stream import OTHER, Outputs, Stream
from models.selection import worth_computing
from models.settings import IMDerOptions, Modality, NetworkSize
from models.training.phases import Loss, Lossy, Phase, Update

REDUCTION, NARROWEST = 16, 4
"""Of the channel attention's middle: a share of the channels, and the fewest there are."""

DRAWS, TILE = 0, 128
"""Seed of the random numbers outside training, and frames after which they come again."""


class IMDer(MulT):
    """MulT on convolved features, in which a modality that is gone is sampled from the other one.

    A convolution of kernel 3 projects each modality. Where one is gone, a score network draws it
    out of noise, given the other one, and residual blocks with channel attention refine it; then
    comes MulT (`MulT` says in which things it is not its authors' code). With `dim` 32 and `heads`
    8 the sizes are the published ones.

    It is trained in two phases: without score networks on complete batches; then with the
    convolutions as they are, where modalities are lost, by the loss of the labels and, with
    `options.weight`, those of the score and of the refined modality's distance from what it was.

    In training sampling draws anew. Outside of it the random numbers are the same ones for every
    clip, made from a fixed seed and repeated every 128 frames: so a clip has one answer, in any
    batch. It cannot be exported: a file would have to hold a U-Net for every step of sampling.

    A modality is sampled as a whole: single frames that are missing are zeros to which nothing
    attends. A network whose presence is `ignored` is not told what is gone; it has no score
    networks and one phase.

    Here the convolutions see zeros beyond a clip's ends, so that frames stay as many; group norms
    know real frames alone; and attention in the score networks is not limited to what came before.
    """

    noise: Tensor

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: IMDerOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        # What is missing needs no token: it is sampled, or zeros.
        super().__init__(features, size=size, options=options, task=task, presence=Presence())
        self.presence = presence
        self.weight, self.steps = options.weight, options.steps
        self.projections = nn.ModuleDict(
            {m: Convolution(n, size.dim, bias=False) for m, n in features.items()}
        )
        self.knows = presence.frames != "ignored"
        if self.knows:
            self.scores = nn.ModuleDict({m: ScoreNetwork(size.dim, size.heads) for m in features})
            self.refiners = nn.ModuleDict({m: Refiner(size.dim, options.blocks) for m in features})
            generator = torch.Generator().manual_seed(DRAWS)
            shape = 1 + 2 * options.steps, TILE, size.dim
            draws = torch.randn(*shape, generator=generator, device="cpu")
            self.register_buffer("noise", draws, persistent=False)
            self.unexported = (
                f"it samples in {options.steps} steps, each a pass of a U-Net, which a file would "
                "hold one after the other"
            )

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self._convolution(modality).taps(x)

    @override
    def show(self, modality: Modality, x: Tensor, mask: Tensor, present: Tensor) -> Stream:
        if not self.knows:
            return Stream(x, mask, mask)
        present = present & mask
        return Stream(x * present.unsqueeze(-1), mask, present)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        return stream.holding(self._convolution(modality).gather(stream.x, stream.mask))

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        inside: dict[str, Tensor] = {}
        streams = dict(encoded)
        if self.knows:
            streams = {m: self._imputed(m, encoded, inside) for m in self.modalities}
        outputs = super().fuse({m: super(IMDer, self).encode(m, s) for m, s in streams.items()})
        return outputs._replace(inside=inside)

    def _imputed(
        self, modality: Modality, encoded: Mapping[Modality, Stream], inside: dict[str, Tensor]
    ) -> Stream:
        """A modality, sampled where it is gone and the other one is not."""
        stream, known = encoded[modality], encoded[OTHER[modality]]
        made = stream.gone & ~known.gone
        rows = worth_computing(made)
        if not rows.shape[0]:
            return stream
        mask, condition = stream.mask[rows], Frames(known.x[rows].float(), known.mask[rows])
        with torch.no_grad(), torch.autocast(stream.x.device.type, enabled=False):
            score: ScoreNetwork = self.scores[modality]  # type: ignore[assignment]
            sampled = score.sample(mask, condition, self.steps, self._noise())
        refined = self.refiners[modality](sampled, mask).to(stream.x.dtype)
        refined = torch.zeros_like(stream.x).index_copy(0, rows, refined)
        inside[f"imputed.{modality}"], inside[f"made.{modality}"] = refined, made
        x = torch.where(made[:, None, None], refined, stream.x)
        return Stream(x, stream.mask, stream.present | (stream.mask & made[:, None]))

    def _noise(self) -> Callable[[Tensor], Tensor]:
        """New random numbers in training, the same ones outside of it."""
        if self.training:
            return torch.randn_like
        draws = iter(self.noise)

        def drawn(like: Tensor) -> Tensor:
            place = torch.arange(like.shape[1], device=like.device) % TILE
            return next(draws)[place].expand_as(like)

        return drawn

    def _convolution(self, modality: Modality) -> Convolution:
        return self.projections[modality]  # type: ignore[return-value]

    def complete(self, modality: Modality, lossy: Lossy) -> Stream:
        """A modality as the network sees it before anything is lost."""
        mask, received = lossy.batch.masks()[modality], lossy.batch.received()[modality]
        x = lossy.whole(modality)
        return self.perceive(modality, self.receive(modality, x, mask, received))

    @override
    def phases(self, objective: Loss, weigh: Weigh = mean_of) -> tuple[Phase, ...]:
        """The network on complete batches; then score networks and refiners with it.

        Args:
            objective: the loss of the labels.
            weigh: makes one number of the losses of what is sampled, by modality.
        """
        if not self.knows:
            return super().phases(objective)
        mult = ("crossmodal.", "encoders.", "head.")
        complete = Update(objective, complete=True)
        return (
            Phase("complete", (complete,), parameters=("projections.", *mult)),
            Phase(
                "imputation",
                (Update(Imputing(self, objective, weigh)),),
                parameters=(*mult, "scores.", "refiners."),
            ),
        )


class Imputing(nn.Module):
    """The loss of the second phase; it remembers what `weigh` does."""

    def __init__(self, network: IMDer, objective: Loss, weigh: Weigh) -> None:
        super().__init__()
        self.weigh, self.objective = weigh, objective
        self.weight, self._complete = network.weight, network.complete
        self._scores = dict(network.scores.items())

    def forward(self, outputs: Outputs, lossy: Lossy) -> Tensor:
        """A scalar with gradients."""
        losses = {m: self._generated(m, outputs, lossy) for m in lossy.inputs}
        return self.objective(outputs, lossy) + self.weight * self.weigh(losses)

    def _generated(self, modality: Modality, outputs: Outputs, lossy: Lossy) -> Tensor:
        """How far a modality's score, and what was made of it, are from what they should be."""
        made = outputs.inside.get(f"made.{modality}")
        if made is None:
            return outputs.fused.new_zeros((), dtype=torch.float32)
        with torch.no_grad():
            whole = {m: self._complete(m, lossy) for m in lossy.inputs}
        was, other = whole[modality], whole[OTHER[modality]]
        rows = worth_computing(made)
        counts = made[rows]
        x = Frames(was.x[rows].float(), was.mask[rows])
        score: ScoreNetwork = self._scores[modality]  # type: ignore[assignment]
        apart = score.loss(x, Frames(other.x[rows].float(), other.mask[rows]))
        matched = (apart * counts).sum() / counts.sum().clamp_min(1)
        imputed = outputs.inside[f"imputed.{modality}"]
        return matched + squares(imputed[rows], was.x[rows], was.mask[rows] & counts[:, None])


class Refiner(nn.Module):
    """Twice as wide, residual blocks with channel attention (Zhang et al. 2018, RCAN), and back."""

    def __init__(self, dim: int, blocks: int) -> None:
        super().__init__()
        self.widen, self.narrow = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.blocks = nn.ModuleList(RefinerBlock(2 * dim) for _ in range(blocks))
        self.end = Convolution(2 * dim, 2 * dim)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(clips, frames, dim) to the same shape; `mask` is False for padding."""
        start = refined = self.widen(x)
        for block in self.blocks:
            refined = block(refined, mask)
        return self.narrow(start + self.end(refined, mask))


class RefinerBlock(nn.Module):
    """Convolution, ReLU, convolution, and a weight for each channel from its mean over time.

    The biases of the weights' narrow layer begin above 0 here: of its few units all could be dead.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (Convolution(channels, channels) for _ in range(2))
        middle = max(NARROWEST, channels // REDUCTION)
        narrow = nn.Linear(channels, middle)
        nn.init.uniform_(narrow.bias, 0, channels**-0.5)
        self.attention = nn.Sequential(narrow, nn.ReLU(), nn.Linear(middle, channels), nn.Sigmoid())

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(clips, frames, channels) to the same shape; `mask` is False for padding."""
        branch = self.second(self.first(x, mask).relu(), mask)
        return x + branch * self.attention(masked_mean(branch, mask))
