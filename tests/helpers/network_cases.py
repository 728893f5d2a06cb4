"""Every network of the registry in every form, small, and batches for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from features.task import Task
from models.networks.branches import FrameNorm
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.networks.registry import NETWORKS
from models.settings import MODALITIES, Modality, ModelSettings, NetworkSize
from models.training.batch import Batch, StreamBatch
from models.training.places import Seen, places_of

SIZE = NetworkSize(dim=16, heads=4, ffn=24, layers=2, dropout=0.0)
FEATURES: dict[Modality, int] = {"audio": 30, "video": 16 * 16 * 3}
"""Of the picture those of the smallest crop that a network of pictures takes."""

TASKS = {
    "frames": Task(),
    "classes": Task(kind="classification", level="sequence", outputs=list("abcd")),
    "sentiment": Task(kind="sentiment", level="sequence", outputs=["sentiment"]),
    "dimensions": Task(level="sequence", outputs=["valence", "arousal", "dominance"]),
}

Options = dict[str, bool | int | float | str]
VARIANTS: dict[str, list[Options]] = {
    "crossmodal": [{}, {"auxiliary": 0.5}, {"auxiliary": 0.5, "alone": "mean"}],
    "affwildnet": [{}, {"dynamic": False}],
    "auxformer": [
        {},
        {"auxiliary": False, "pooling": "mean", "temporal": "lstm"},
        {"pooling": "token", "positions": False},
        {"temporal": "none"},
        {"temporal": "gru"},
    ],
    "vavl": [{"bottleneck": 6, "kernel": 5, "shared_layers": 1}],
    "imder": [{"steps": 2, "blocks": 1}],
    "mmin": [{"consistency": 1.0}],
    "fusion": [
        *({"kind": kind} for kind in ("ia", "it", "lt", "tav", "tva", "mult")),
        {"kind": "ia", "dense": True},
    ],
    "picture_fusion": [{"augment": False}],
}
"""The options a network is tested with; one that is not named, with its defaults."""

SIZES: dict[str, NetworkSize] = {
    "vavl": NetworkSize(dim=8, heads=2, ffn=12, layers=1, dropout=0.0),
    "imder": NetworkSize(dim=8, heads=2, ffn=16, layers=1, dropout=0.0),
}
"""The size a network is tested at, if not SIZE."""


@dataclass(frozen=True)
class Case:
    """One form of one network."""

    network: str
    modalities: tuple[Modality, ...]
    options: tuple[tuple[str, Any], ...] = ()
    presence: Literal["ignored", "marked", "filled"] = "ignored"
    repeats: Literal["shown", "missing"] = "shown"
    features: tuple[int, int] = field(default=(FEATURES["audio"], FEATURES["video"]))
    layers: int | None = None
    """Of the network, if not those of the size it is tested at."""

    def __str__(self) -> str:
        chosen = [f"{key}={value}" for key, value in self.options]
        missing = ["repeats"] if self.repeats == "missing" else []
        form = [] if self.presence == "ignored" else [self.presence]
        return "-".join([self.network, "+".join(self.modalities), *chosen, *form, *missing])

    def build(self, task: str = "frames", seed: int = 0) -> Recogniser:
        """A new network of this form."""
        torch.manual_seed(seed)
        settings = ModelSettings(
            network=self.network,
            sees=list(self.modalities),
            options=dict(self.options),
            presence=self.presence,
            repeats=self.repeats,
        )
        widths = dict(zip(MODALITIES, self.features, strict=True))
        features = {m: widths[m] for m in self.modalities}
        size = SIZES.get(self.network, SIZE)
        if self.layers is not None:
            size = size.model_copy(update={"layers": self.layers})
        return build(settings, features, size, TASKS[task])

    @cache  # noqa: B019 - cases are few and live as long as the tests
    def evaluated(self, task: str = "frames") -> Recogniser:
        """The network as evaluation sees it; not to be changed."""
        network = self.build(task)
        if NETWORKS[self.network].pictures:
            _see(network, dict(zip(MODALITIES, self.features, strict=True)))
        return network.eval().requires_grad_(False)


def _see(network: Recogniser, widths: Mapping[Modality, int]) -> None:
    """Have norms know inputs: so deep a network that has seen nothing says the same of all.

    Deviations are a bit larger than those of the inputs, so that rounding does not grow.
    """
    norms = [module for module in network.modules() if isinstance(module, FrameNorm)]
    for norm in norms:
        norm.momentum = 1.0
    mask = torch.ones(4, 6, dtype=torch.bool)
    network.train()(random_inputs(4, 6, widths=widths), masks_of(mask))
    for norm in norms:
        norm.momentum = 0.1
        norm.running_var *= 1.2


def _seen(network: str) -> list[tuple[Modality, ...]]:
    one: list[tuple[Modality, ...]] = [("audio",), ("video",)]
    two: list[tuple[Modality, ...]] = [("audio", "video")]
    return [m for m in one + two if len(m) in NETWORKS[network].modalities]


CASES = [
    Case(network, modalities, tuple(options.items()))
    for network in NETWORKS
    for options in VARIANTS.get(network, [{}])
    for modalities in _seen(network)
    # Of one modality all fusions are the same.
    if network != "fusion" or len(modalities) == 2 or options == VARIANTS[network][0]
]
"""Every network, whatever its presence: ignored."""


def aware(*forms: tuple[str, str]) -> list[Case]:
    """The cases of networks that have these forms, (presence, repeats)."""
    return [
        Case(case.network, case.modalities, case.options, presence, repeats)
        for case in CASES
        for presence, repeats in forms
        if presence in NETWORKS[case.network].presence
    ]


FORMS = CASES + aware(("marked", "shown"), ("marked", "missing"), ("filled", "shown"))
"""Every network in every presence form."""


def random_inputs(
    clips: int, frames: int, seed: int = 1, widths: Mapping[Modality, int] = FEATURES
) -> dict[Modality, Tensor]:
    """Standard normal features, (clips, frames, features) of each modality."""
    generator = torch.Generator().manual_seed(seed)
    return {m: torch.randn(clips, frames, n, generator=generator) for m, n in widths.items()}


def random_present(clips: int, frames: int, seed: int, p: float = 0.5) -> dict[Modality, Tensor]:
    """Frames that are there with probability `p`, (clips, frames) of each modality."""
    generator = torch.Generator().manual_seed(seed)
    return {m: torch.rand(clips, frames, generator=generator) < p for m in MODALITIES}


def masks_of(mask: Tensor) -> dict[Modality, Tensor]:
    """One mask for both modalities, whose frames are the same."""
    return dict.fromkeys(MODALITIES, mask)


def lengths_mask(lengths: list[int]) -> Tensor:
    """The mask of clips of these many frames, (clips, frames)."""
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def whole_stream(x: Tensor, present: Tensor) -> StreamBatch:
    """A stream (clips, steps, features) in which every step looks at its own row."""
    frames, index = x.shape[1], torch.arange(x.shape[1]).expand(x.shape[:2])
    seen = [Seen(0, frames, np.arange(frames), there, 0, frames) for there in present.numpy()]
    return StreamBatch(
        rows=torch.cat((torch.zeros_like(x[:, :1]), x), dim=1),
        index=index[..., None] + 1,
        mask=torch.ones_like(present),
        present=present,
        frame=index,
        places=places_of(seen, frames, None),
    )


def labelled_batch(task: str, clips: int = 4, frames: int = 8) -> Batch:
    """A batch of whole clips with slow labels, about half of its frames missing.

    Of the first clip the last frame is missing in both modalities, of the second clip every one.
    """
    x, present = random_inputs(clips, frames), random_present(clips, frames, seed=2)
    for there in present.values():
        there[0, -1] = False
        there[1] = False
    outputs = len(TASKS[task].outputs)
    match task:
        case "frames":
            start, slope = torch.rand(2, clips, 1, outputs) - 0.5
            labels = start + slope * torch.linspace(0, 1, frames)[:, None]
        case "classes":
            labels = torch.eye(outputs)[torch.arange(clips) % outputs][:, None]
        case _:
            labels = torch.linspace(1, 3, clips)[:, None, None] * torch.tensor([1, -1, 0.5])
            labels = labels[..., :outputs]
    return Batch(
        speaker=torch.arange(clips) // 2,
        streams={m: whole_stream(x[m], present[m]) for m in MODALITIES},
        labels=labels,
        valid=torch.ones(labels.shape[:2], dtype=torch.bool),
        mask=torch.ones(clips, frames, dtype=torch.bool),
        item=torch.arange(clips),
        first=torch.zeros(clips, dtype=torch.long),
    )


class Clips:
    """Clips of different lengths, which frames of them are there, and how to pad them."""

    def __init__(self, lengths: list[int], padding: int, loudness: float, seed: int) -> None:
        self.lengths = lengths
        mask = lengths_mask(lengths)
        nothing = torch.zeros(len(lengths), padding, dtype=torch.bool)
        self.mask = torch.cat((mask, nothing), dim=1)
        self.inputs = random_inputs(*self.mask.shape, seed)
        self.present = random_present(*self.mask.shape, seed)
        self._repeat_some(seed)
        for x in self.inputs.values():
            x[~self.mask] *= loudness

    def _repeat_some(self, seed: int) -> None:
        again = random_present(*self.mask.shape, seed + 1, p=0.3)
        for modality, x in self.inputs.items():
            where = again[modality][:, 1:, None]
            x[:, 1:] = torch.where(where, x[:, :-1], x[:, 1:])

    def alone(self, clip: int) -> tuple[dict[Modality, Tensor], ...]:
        """One clip's inputs, masks and presence without padding."""
        rows, frames = slice(clip, clip + 1), slice(self.lengths[clip])
        return (
            {m: x[rows, frames] for m, x in self.inputs.items()},
            masks_of(self.mask[rows, frames]),
            {m: there[rows, frames] for m, there in self.present.items()},
        )

    def __repr__(self) -> str:
        return f"Clips({self.lengths}, padded to {self.mask.shape[1]})"


clips_of_any_length = st.builds(
    Clips,
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    padding=st.integers(0, 12),
    loudness=st.sampled_from([0.0, 1.0, 100.0]),
    seed=st.integers(0, 2**16),
)
"""For `hypothesis.given`."""
