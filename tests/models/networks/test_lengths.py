"""Sound and picture with frames of their own: so many of one and so many of the other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.networks.registry import NETWORKS
from models.settings import Modality
from tests.helpers.network_cases import CASES, FEATURES, Case, aware, lengths_mask

BOTH: tuple[Modality, ...] = ("audio", "video")
ABLE = [
    case
    for case in [*CASES, *aware(("marked", "shown"), ("filled", "shown"))]
    if case.modalities == BOTH and NETWORKS[case.network].lengths
]


def clips(lengths: dict[Modality, list[int]], padding: int, seed: int) -> tuple[dict, ...]:
    """Inputs, masks and presence of clips of these many frames of each modality."""
    generator = torch.Generator().manual_seed(seed)
    inputs, masks, present = {}, {}, {}
    for modality, counts in lengths.items():
        mask = torch.nn.functional.pad(lengths_mask(counts), (0, padding))
        x = torch.randn(*mask.shape, FEATURES[modality], generator=generator)
        inputs[modality] = torch.where(mask.unsqueeze(-1), x, 100 * x)
        masks[modality] = mask
        present[modality] = torch.rand(mask.shape, generator=generator) < 0.7
    return inputs, masks, present


@pytest.mark.parametrize("case", ABLE, ids=str)
@settings(max_examples=6, deadline=None)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=3),
    padding=st.integers(0, 5),
    seed=st.integers(0, 2**16),
)
def test_padding_and_company_change_nothing(
    case: Case, lengths: list[tuple[int, int]], padding: int, seed: int
) -> None:
    network = case.evaluated("classes")
    counts = dict(zip(BOTH, map(list, zip(*lengths, strict=True)), strict=True))
    inputs, masks, present = clips(counts, padding, seed)
    together = network(inputs, masks, present).fused
    assert together.shape == (len(lengths), 1, 4)
    for clip, frames in enumerate(lengths):

        def alone(tensors: dict, clip: int = clip, frames: tuple = frames) -> dict[str, Tensor]:
            return {
                m: tensors[m][clip : clip + 1, :count]
                for m, count in zip(BOTH, frames, strict=True)
            }

        single = network(alone(inputs), alone(masks), alone(present)).fused
        assert torch.allclose(together[clip], single[0], atol=1e-4)


@pytest.mark.parametrize("case", ABLE, ids=str)
def test_each_modality_counts_with_its_own_frames(case: Case) -> None:
    network = case.evaluated("classes")
    inputs, masks, present = clips({"audio": [9, 5], "video": [4, 4]}, 0, 1)
    outputs = network(inputs, masks, present).fused
    for modality in BOTH:
        changed = {**inputs, modality: inputs[modality].flip(-1)}
        assert not torch.allclose(network(changed, masks, present).fused, outputs, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in ABLE if case.network == "crossmodal"], ids=str)
def test_frames_of_their_own_are_no_others_where_they_happen_to_be_as_many(case: Case) -> None:
    """One mask or two equal ones give the same to rounding."""
    network = case.evaluated("classes")
    inputs, masks, present = clips({"audio": [6, 4], "video": [6, 4]}, 0, 2)
    shared = network(inputs, masks, present).fused
    longer = {m: torch.nn.functional.pad(masks[m], (0, 1 if m == "audio" else 2)) for m in BOTH}
    padded = {
        m: torch.nn.functional.pad(x, (0, 0, 0, longer[m].shape[1] - x.shape[1]))
        for m, x in inputs.items()
    }
    received = {
        m: torch.nn.functional.pad(p, (0, longer[m].shape[1] - p.shape[1]))
        for m, p in present.items()
    }
    assert torch.allclose(network(padded, longer, received).fused, shared, atol=1e-5)
