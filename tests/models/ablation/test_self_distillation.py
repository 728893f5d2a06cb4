"""Self-distillation against the published losses, in loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from models.ablation.frame_map import FrameMap, Lost
from models.ablation.self_distillation import ATTENTION, JOINT
from models.ablation.strategies import draw
from models.settings import Ablation, ModelSettings
from models.training.phases import Lossy
from models.training.trainer import phases_of
from tests.helpers.loops import array, softmax
from tests.helpers.losses import draws_of
from tests.helpers.network_cases import Case, labelled_batch

LOSING = Ablation(strategy="self_distillation", modality="both", p=0.5)


def test_it_loses_what_frame_zero_loses() -> None:
    draws, plain = draws_of(5, 9), Ablation(strategy="frame_zero", modality="both", p=0.5)
    for modality in ("audio", "video"):
        found, expected = draw(LOSING, modality, draws), draw(plain, modality, draws)
        assert found is not None
        assert torch.equal(found.empty, expected.empty)


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    return x @ y / np.linalg.norm(x) / np.linalg.norm(y)


@pytest.mark.parametrize("task", ["frames", "classes"])
@pytest.mark.parametrize("network", ["crossmodal", "mult"])
def test_the_losses_are_the_published_ones(network: str, task: str) -> None:
    learner, batch = Case(network, ("audio", "video")).build(task), labelled_batch(task, frames=4)
    (phase,) = phases_of(learner, LOSING, lambda outputs, _: outputs.fused.sum())
    first, second = phase.updates
    assert (first.complete, second.complete) == (True, False)
    inputs = batch.inputs()
    batch.mask[3, 3:] = False
    streams = {m: replace(part, mask=batch.mask) for m, part in batch.streams.items()}
    batch = replace(batch, streams=streams)
    lost = Lost(FrameMap(batch.draws().index, torch.rand(batch.mask.shape) < 0.5))
    lossy = Lossy(batch, inputs, {"video": lost})
    with torch.no_grad():
        complete = learner(inputs, batch.masks(), batch.received())
        missing = learner(inputs, batch.masks(), batch.received(), lossy.lost)
        assert first.loss(complete, Lossy(batch, inputs, {})) == complete.fused.sum()
        found = float(second.loss(missing, lossy) - missing.fused.sum())
    x, y = array(missing.inside["joint"]), array(complete.inside["joint"])
    real = array(batch.mask) if task == "frames" else np.ones((4, 1))
    apart = [1 - cosine(x[c, t], y[c, t]) for c, t in zip(*real.nonzero(), strict=True)]
    expected = JOINT * float(np.mean(apart))
    maps = [name for name in complete.inside if name.startswith("attention")]
    assert bool(maps) == (network == "crossmodal")
    for name in maps:
        scores, target = array(missing.inside[name]), array(complete.inside[name])
        clips, heads, *_ = scores.shape
        for clip in range(clips):
            length = int(batch.mask[clip].sum())
            for head in range(heads):
                for query in range(length):
                    q = softmax(scores[clip, head, query, :length])
                    p = softmax(target[clip, head, query, :length])
                    expected += ATTENTION * float((p * np.log(p / q)).sum()) / (clips * heads)
    assert found == pytest.approx(expected, rel=1e-3)
    assert found > 0


def test_scores_are_those_that_attention_takes() -> None:
    learner = Case("crossmodal", ("audio", "video")).build()
    attention, x, memory = learner.audio_from_video, torch.randn(2, 3, 16), torch.randn(2, 5, 16)
    query, key_value = attention.query(x), attention.key_value(memory)
    weights = attention.scores(query, key_value).softmax(-1)
    value = key_value.chunk(2, dim=-1)[1].unflatten(-1, (4, -1)).transpose(1, 2)
    expected = attention.output((weights @ value).transpose(1, 2).flatten(2))
    found = attention.attend(query, key_value, torch.ones(2, 5, dtype=torch.bool))
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        (
            "self_distillation",
            "needs the joint of a network, which recurrent does not show: choose crossmodal, mult",
        ),
        (
            "balanced",
            "needs the generation of a network, which recurrent does not show: choose imder, mmin",
        ),
    ],
)
def test_a_network_that_does_not_show_what_is_needed_is_refused(strategy: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ModelSettings(network="recurrent", ablation={"strategy": strategy})
