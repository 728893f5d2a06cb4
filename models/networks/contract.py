"""What holds of every network, of this package or of the user's own, each as one check.

A check takes a network and returns normally, or raises `BrokenContractError` with a sentence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.functional import pad

from features.task import Task
from models.ablation.frame_map import FrameMap, Lost
from models.networks.recogniser import Recogniser
from models.networks.stream import Outputs
from models.settings import Modality
from models.training.batch import Batch, RowPlaces, StreamBatch
from models.training.phases import Lossy

TOLERANCE = 1e-4
FEATURES: Mapping[Modality, int] = {"audio": 6, "video": 5}
PICTURE = 16 * 16 * 3
"""Numbers of the smallest crop that a network of pictures takes."""
LENGTHS = (9, 4, 1)

TASKS: Mapping[str, Task] = {
    "frames": Task(),
    "classes": Task(kind="classification", level="sequence", outputs=("a", "b", "c")),
    "dimensions": Task(level="sequence", outputs=("valence", "arousal", "dominance")),
    "sentiment": Task(kind="sentiment", level="sequence", outputs=("sentiment",)),
}
"""One task of each kind."""

Tensors = dict[Modality, Tensor]


class BrokenContractError(Exception):
    """A network does not do what every network does; the text is a sentence."""


def clips(
    features: Mapping[Modality, int], lengths: Sequence[int] = LENGTHS, seed: int = 0
) -> tuple[Tensors, Tensors, Tensors]:
    """Inputs, masks and presence of clips of these many frames, some frames of which are missing.

    Padding is loud, not zeros; what is missing is zeros, as losses leave it.
    """
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    inputs, present = {}, {}
    for m, width in features.items():
        there = (torch.rand(mask.shape, generator=generator) < 0.7) & mask
        x = torch.randn(*mask.shape, width, generator=generator) * (there | ~mask).unsqueeze(-1)
        inputs[m], present[m] = torch.where(mask.unsqueeze(-1), x, 100 * x), there
    return inputs, dict.fromkeys(features, mask), present


def has_shapes(network: Recogniser, outputs: int) -> None:
    """(B, T, outputs) of frames, (B, 1, outputs) of sequences, and finite numbers."""
    inputs, masks, present = clips(network.features)
    answer = network.eval()(inputs, masks, present).fused
    frames = max(LENGTHS) if network.per_frame else 1
    shape = (len(LENGTHS), frames, outputs)
    if answer.shape != shape:
        raise BrokenContractError(f"it returns {tuple(answer.shape)} in place of {shape}")
    received = {m: network.receive(m, inputs[m], masks[m], present[m]) for m in inputs}
    free = network.fuse({m: network.perceive(m, x) for m, x in received.items()}).fused
    # Before the step into the labels' range, which makes limits of infinities.
    if not _real(free, next(iter(masks.values())), network).isfinite().all():
        raise BrokenContractError("it returns numbers that are not finite")


def ignores_padding(network: Recogniser) -> None:
    """What stands in padding, and how much of it there is, changes nothing."""
    inputs, masks, present = clips(network.features)
    mask = next(iter(masks.values()))
    expected = _real(network.eval()(inputs, masks, present).fused, mask, network)
    longer = {m: pad(x, (0, 0, 0, 3), value=7.0) for m, x in inputs.items()}
    masked, received = ({m: pad(x, (0, 3)) for m, x in p.items()} for p in (masks, present))
    padded = network(longer, masked, received).fused
    if network.per_frame:
        padded = padded[:, : mask.shape[1]]
    _same(_real(padded, mask, network), expected, "padding changes its outputs")


def ignores_company(network: Recogniser) -> None:
    """Clips have the same outputs alone as in a batch."""
    inputs, masks, present = clips(network.features)
    together = network.eval()(inputs, masks, present).fused
    for clip, length in enumerate(LENGTHS):
        alone = network(
            *(
                {m: x[clip : clip + 1, :length] for m, x in part.items()}
                for part in (inputs, masks, present)
            )
        ).fused[0]
        batched = together[clip, :length] if network.per_frame else together[clip]
        _same(alone, batched, "the outputs of a clip depend on the others of its batch")


def learns_everywhere(network: Recogniser) -> None:
    """A gradient reaches every parameter that is trained, in one phase or another."""
    inputs, masks, present = clips(network.features, (9, 9, 9, 9))
    for m in inputs:
        # The last frame may be what stands for a sequence; of the second clip nothing is there.
        inputs[m][0, -1], present[m][0, -1] = 0, False
        inputs[m][1], present[m][1] = 0, False
    lost = {}
    for clip, m in enumerate(inputs, start=2):  # of a clip each one modality is lost
        empty = torch.zeros_like(masks[m])
        empty[clip] = True
        lost[m] = Lost(FrameMap(torch.arange(9).expand(4, -1), empty))
    lossy = Lossy(batch_of(inputs, masks, present), inputs, lost)
    network.train().zero_grad()
    for phase in network.phases(_any_objective):
        phase.begin()
        for update in phase.updates:
            seen = replace(lossy, lost={}) if update.complete else lossy
            update.loss(network(inputs, masks, present, seen.lost), seen).backward()
    network.eval()
    silent = [
        name.removeprefix("network.")
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    if silent:
        raise BrokenContractError(f"no gradient reaches {', '.join(silent)}")


def _any_objective(outputs: Outputs, _: Lossy) -> Tensor:
    """A loss that every output changes."""
    parts = [outputs.fused, *outputs.auxiliary.values()]
    return torch.stack([(part * torch.randn_like(part)).sum() for part in parts]).sum()


def batch_of(inputs: Tensors, masks: Tensors, present: Tensors) -> Batch:
    """A batch of clips whose steps look at a row each, with labels that say nothing."""
    streams = {}
    for m, x in inputs.items():
        index = torch.arange(x.shape[1]).expand(x.shape[:2])
        places = RowPlaces(
            frame=torch.cat((index[:, :1] - 1, index), dim=1),
            present=pad(present[m], (1, 0)),
            number=torch.zeros(len(x), dtype=torch.long),
            first=torch.zeros(len(x), 1, dtype=torch.long),
            mask=masks[m].unsqueeze(1),
            before=0,
        )
        streams[m] = StreamBatch(
            rows=pad(x, (0, 0, 1, 0)),
            index=index.unsqueeze(-1) + 1,
            mask=masks[m],
            present=present[m],
            frame=index,
            places=places,
        )
    mask = next(iter(masks.values()))
    return Batch(
        streams=streams,
        labels=torch.zeros(*mask.shape, 1),
        valid=mask,
        mask=mask,
        item=torch.arange(len(mask)),
        first=torch.zeros(len(mask), dtype=torch.long),
        speaker=torch.arange(len(mask)),
    )


def step_milliseconds(network: Recogniser, frames: int = 100, batch: int = 8) -> float:
    """Milliseconds of a pass forward and back on a batch of clips of these many frames."""
    tensors = clips(network.features, (frames,) * batch)
    network.train()
    for _ in range(2):  # the first one warms up
        start = perf_counter()
        network(*tensors).fused.sum().backward()
    network.eval()
    return 1000 * (perf_counter() - start)


CHECKS: Mapping[str, Callable[[Recogniser], None]] = {
    "padding changes nothing": ignores_padding,
    "the rest of a batch changes nothing": ignores_company,
    "gradients reach all parameters": learns_everywhere,
}
"""Checks of one network, beside that of its shapes, by what they show."""


def broken(network: Recogniser, outputs: int) -> Iterator[str]:
    """A sentence for each part of the contract that a network breaks."""
    checks = {"shapes": lambda tested: has_shapes(tested, outputs), **CHECKS}
    for check in checks.values():
        try:
            check(network)
        except BrokenContractError as error:
            yield str(error)
        except Exception as error:  # whatever a module of the user's own may raise
            lines = str(error).splitlines() or [""]
            yield f"it stops with {type(error).__name__}: {lines[0]}"


def _real(outputs: Tensor, mask: Tensor, network: Recogniser) -> Tensor:
    return outputs[mask] if network.per_frame else outputs


def _same(outputs: Tensor, expected: Tensor, sentence: str) -> None:
    apart = (outputs - expected).abs().max().item()
    if not apart <= TOLERANCE:
        raise BrokenContractError(f"{sentence} (by up to {apart:.2g})")
