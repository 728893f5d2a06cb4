"""MMIN and IF-MMIN against their published forward pass, in loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.ablation.frame_map import FrameMap, Lost
from models.networks.mmin import MMIN, Cascade, discrepancy
from models.networks.stream import Outputs
from models.training.phases import Lossy
from tests.helpers.loops import Vector, array, dense, layers, leaky, lstm
from tests.helpers.network_cases import Case, labelled_batch, masks_of

BOTH = ("audio", "video")
INVARIANT = (("imagined", 1.0), ("cycle", 0.0), ("consistency", 100.0))
every_form = pytest.mark.parametrize("options", [(), INVARIANT], ids=["mmin", "if_mmin"])


def network_of(options: tuple = ()) -> MMIN:
    return Case("mmin", BOTH, options).build("classes").double()


def embedded(network: MMIN, inputs: dict[str, Vector]) -> list[Vector]:
    return [lstm(network.encoders[m], inputs[m]).max(0) for m in BOTH]


def invariant(network: MMIN, parts: list[Vector]) -> Vector | None:
    if network.shared is None:
        return None
    first, second = network.shared.first, network.shared.second
    return np.concatenate([leaky(dense(second, leaky(dense(first, part)))) for part in parts])


def cascaded(cascade: Cascade, x: Vector, shared: Vector | None) -> tuple[Vector, Vector]:
    """The two published loops: a residual one, and one with invariant features."""
    given, made, bottlenecks = x, np.zeros_like(x) if shared is None else x, []
    for block in cascade.blocks:
        given = made + (given if shared is None else shared)
        bottlenecks.append(layers(block.encoder, given))
        made = layers(block.decoder, bottlenecks[-1])
    end = given + made if shared is None else made
    return layers(cascade.transition, end), np.concatenate(bottlenecks)


@every_form
def test_it_is_the_published_forward_pass(options: tuple) -> None:
    network, batch = network_of(options).eval(), labelled_batch("classes", clips=2, frames=3)
    inputs = {m: x.double() for m, x in batch.inputs().items()}
    with torch.no_grad():
        answers = network(inputs, masks_of(batch.mask)).fused
    for clip, answer in enumerate(answers):
        parts = embedded(network, {m: array(x[clip]) for m, x in inputs.items()})
        _, bottlenecks = cascaded(network.cascade, np.concatenate(parts), invariant(network, parts))
        assert array(answer[0]) == pytest.approx(layers(network.classifier, bottlenecks), abs=1e-7)


@every_form
def test_what_is_imagined_is_drawn_to_what_was_taken_away(options: tuple) -> None:
    network, batch = network_of(options), labelled_batch("classes", clips=2, frames=3)
    whole = {m: replace(part, present=part.mask) for m, part in batch.streams.items()}
    batch = replace(batch, streams=whole)
    inputs = {m: x.double() for m, x in batch.inputs().items()}
    empty = torch.tensor([[True] * 3, [False] * 3])
    lossy = Lossy(batch, inputs, {"video": Lost(FrameMap(batch.draws().index, empty))})
    _, imagination = network.phases(lambda outputs, _: 0 * outputs.fused.sum())
    imagination.begin()
    outputs = network(inputs, batch.masks(), batch.received(), lossy.lost)
    with torch.no_grad():
        for parameter in network.encoders.parameters():
            parameter.add_(1)  # what is remembered is that of the phase's beginning
        found = float(imagination.updates[0].loss(outputs, lossy))
    network, expected = network_of(options), 0.0
    for clip in range(2):
        x = {m: array(part[clip]) for m, part in inputs.items()}
        given = embedded(network, {**x, "video": x["video"] * (clip == 1)})
        # Where nothing was taken away the targets are embeddings of zeros.
        taken = {"audio": 0 * x["audio"], "video": x["video"] * (clip == 0)}
        target = np.concatenate(embedded(network, taken))
        start, shared = np.concatenate(given), invariant(network, given)
        imagined, _ = cascaded(network.cascade, start, shared)
        if shared is None:
            back, _ = cascaded(network.back, imagined, None)
            expected += 4 * np.square(imagined - target).mean() + 2 * np.square(back - start).mean()
        else:
            complete = invariant(network, embedded(network, x))
            expected += np.square(imagined - target).mean()
            expected += 100 * np.square(shared - complete).mean()
    assert found == pytest.approx(expected / 2, rel=1e-6)


def test_the_first_phase_answers_from_embeddings_and_draws_shared_features_together() -> None:
    network, batch = network_of(INVARIANT), labelled_batch("classes")
    inputs = {m: x.double() for m, x in batch.inputs().items()}
    fusion, _ = network.phases(lambda outputs, _: 0 * outputs.fused.sum())
    assert fusion.updates[0].complete
    fusion.begin()
    outputs: Outputs = network(inputs, batch.masks(), batch.received())
    known = torch.cat((outputs.inside["embedded"], outputs.inside["invariant"]), dim=-1)
    assert torch.allclose(outputs.fused, network.fusion(known))
    audio, video = np.split(array(outputs.inside["invariant"][:, 0]), 2, axis=-1)
    expected = np.linalg.norm(audio.mean(0) - video.mean(0))
    for order in range(2, 6):
        moments = [((x - x.mean(0)) ** order).mean(0) for x in (audio, video)]
        expected += np.linalg.norm(moments[0] - moments[1])
    loss = float(fusion.updates[0].loss(outputs, Lossy(batch, inputs, {})).detach())
    assert loss == pytest.approx(expected, rel=1e-5)
    x = torch.randn(1, 4, 3, requires_grad=True)
    discrepancy(x, x.detach(), torch.ones(1, 4, dtype=torch.bool)).backward()
    assert x.grad.isfinite().all()
