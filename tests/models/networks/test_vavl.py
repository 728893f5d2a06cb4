"""VAVL against its published forward pass, a clip and a frame at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from models.ablation.frame_map import FrameMap, Lost
from models.networks.conformer import Conformer, ConformerBlock, FeedForward, RelativeAttention
from models.networks.vavl import VAVL
from models.training.phases import Lossy
from tests.helpers.loops import (
    Vector,
    array,
    dense,
    layer_norm,
    layers,
    sigmoid,
    softmax,
    swish,
)
from tests.helpers.network_cases import Case, labelled_batch, masks_of, random_inputs

BOTH = ("audio", "video")
OPTIONS = (("bottleneck", 6), ("kernel", 5), ("shared_layers", 1))


def network_of(task: str, presence: str = "ignored") -> VAVL:
    network = Case("vavl", BOTH, OPTIONS, presence).build(task).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
    return network


def feed_forward(module: FeedForward, x: Vector) -> Vector:
    return dense(module.outer, swish(dense(module.inner, layer_norm(module.norm, x))))


def sinusoid(place: int, dim: int) -> Vector:
    angles = place / 10000 ** (np.arange(0, dim, 2) / dim)
    return np.stack((np.sin(angles), np.cos(angles)), axis=-1).reshape(-1)


def attention(module: RelativeAttention, x: Vector) -> Vector:
    """Score by score; the published root is of the model's dimension."""
    frames, dim = x.shape
    q, k, v = (dense(layer, x) for layer in (module.query, module.key, module.value))
    u, w = (array(bias).reshape(-1) for bias in (module.content_bias, module.position_bias))
    attended = np.zeros_like(x)
    for channels in np.split(np.arange(dim), module.heads):
        for i in range(frames):
            scores = np.zeros(frames)
            for j in range(frames):
                r = dense(module.position, sinusoid(i - j, dim))
                content = (q[i] + u)[channels] @ k[j, channels]
                scores[j] = (content + (q[i] + w)[channels] @ r[channels]) / np.sqrt(dim)
            attended[i, channels] = softmax(scores) @ v[:, channels]
    return dense(module.output, attended)


def convolution(block: ConformerBlock, x: Vector) -> Vector:
    module = block.convolution
    first, second = np.split(dense(module.gate, layer_norm(module.norm, x)), 2, axis=-1)
    gated, weight = first * sigmoid(second), array(module.convolution.weight)[:, 0]
    beyond = weight.shape[1] // 2
    convolved = np.zeros_like(gated)
    for t in range(len(x)):
        for place in range(weight.shape[1]):
            if 0 <= t + place - beyond < len(x):
                convolved[t] += weight[:, place] * gated[t + place - beyond]
    norm = module.batch_norm
    normed = (convolved - array(norm.running_mean)) / np.sqrt(array(norm.running_var) + norm.eps)
    return dense(module.output, swish(normed * array(norm.weight) + array(norm.bias)))


def conformed(conformer: Conformer, x: Vector) -> Vector:
    x = dense(conformer.input, x)
    for block in conformer.blocks:
        x = x + 0.5 * feed_forward(block.first, x)
        x = x + attention(block.attention, layer_norm(block.norm_attention, x))
        x = x + convolution(block, x)
        x = layer_norm(block.norm, x + 0.5 * feed_forward(block.second, x))
    return x


def represented(network: VAVL, modality: str, x: Vector) -> Vector:
    inner = conformed(network.conformers[modality], dense(network.projections[modality], x))
    return layer_norm(network.norm, conformed(network.shared, inner) + inner)


@pytest.mark.parametrize("task", ["classes", "frames"])
def test_it_is_the_published_forward_pass(task: str) -> None:
    network = network_of(task).eval()
    inputs = {m: x.double() for m, x in random_inputs(2, 5).items()}
    masks = masks_of(torch.ones(2, 5, dtype=torch.bool))
    with torch.no_grad():
        found = network(inputs, masks)
        encoded = {
            m: network.perceive(m, network.receive(m, x, masks[m], masks[m]))
            for m, x in inputs.items()
        }
        free = network.fuse(encoded)
    for clip in range(2):
        parts = [represented(network, m, array(inputs[m][clip])) for m in BOTH]
        if task == "classes":
            parts = [part.mean(0, keepdims=True) for part in parts]
        for m, part in zip(BOTH, parts, strict=True):
            answer = layers(network.heads[m], part)
            assert array(found.auxiliary[m][clip]) == pytest.approx(answer, abs=1e-7)
        both = layers(network.both, np.concatenate(parts, axis=-1))
        assert array(free.fused[clip]) == pytest.approx(both, abs=1e-7)


def test_positions_of_the_published_code_agree_where_they_are_not_mixed_up() -> None:
    """Its shift, entry by entry: for j ≤ i the place T − 1 − (i − j) of a table of places."""
    module = network_of("frames").shared.blocks[0].attention
    frames, dim = 5, module.dim
    with torch.no_grad():
        module.position.weight.zero_()  # without positions the two are one
    x = torch.randn(1, frames, dim).double()
    keys = torch.ones(1, frames, dtype=torch.bool)
    table = np.stack([sinusoid(place, dim) for place in range(frames)])
    q, k, v = (dense(layer, array(x[0])) for layer in (module.query, module.key, module.value))
    u, w = (array(bias).reshape(-1) for bias in (module.content_bias, module.position_bias))
    attended = np.zeros((frames, dim))
    for channels in np.split(np.arange(dim), module.heads):
        places = (q + w)[:, channels] @ dense(module.position, table)[:, channels].T
        shifted = np.zeros((frames, frames))
        for i in range(frames):
            for j in range(frames):
                if j <= i:
                    shifted[i, j] = places[i, frames - 1 - (i - j)]
                elif j > i + 1:
                    shifted[i, j] = places[i + 1, j - i - 2]
        scores = ((q + u)[:, channels] @ k[:, channels].T + shifted) / np.sqrt(dim)
        attended[:, channels] = softmax(scores) @ v[:, channels]
    with torch.no_grad():
        found = module(x, keys)[0]
    assert array(found) == pytest.approx(dense(module.output, attended), abs=1e-7)


@pytest.mark.parametrize("task", ["classes", "frames"])
def test_each_update_has_its_loss_and_its_parameters(task: str) -> None:
    network, batch = network_of(task, "marked").float(), labelled_batch(task, frames=4)
    streams = {m: replace(part, present=part.mask.clone()) for m, part in batch.streams.items()}
    streams["audio"].present[1] = False  # unpaired: a picture without sound
    batch = replace(batch, streams=streams)
    empty = torch.zeros_like(batch.mask)
    empty[2] = True
    inputs = batch.inputs()
    lossy = Lossy(batch, inputs, {"video": Lost(FrameMap(batch.draws().index, empty))})
    counted: list[list[bool]] = []

    def objective(outputs, seen: Lossy) -> torch.Tensor:
        counted.append(seen.batch.valid.any(1).tolist())
        return outputs.fused.sum()

    (phase,) = network.phases(objective)
    outputs = network(inputs, batch.masks(), batch.received(), lossy.lost)
    there = {"video": [0, 1, 3], "audio": [0, 2, 3]}
    for update, m in zip(phase.updates, ("video", "audio"), strict=False):
        expected = float(outputs.auxiliary[m].detach().sum())
        apart = []
        for clip in there[m]:
            x, rebuilt = array(inputs[m][clip]), array(outputs.inside[m][clip])
            target = x if task == "frames" else x.mean(0, keepdims=True)
            apart.append(np.square(target - rebuilt).mean())
        loss = update.loss(outputs, lossy)
        assert float(loss.detach()) == pytest.approx(expected + 2 * np.mean(apart), rel=1e-5)
        moved = {n for n, p in network.named_parameters() if n.startswith(update.parameters)}
        other = "audio" if m == "video" else "video"
        assert moved == {
            n for n, _ in network.named_parameters() if other not in n and not n.startswith("both")
        }
    last = phase.updates[-1]
    assert torch.equal(last.loss(outputs, lossy), outputs.inside["both"].sum())
    assert last.parameters == ("both.",)
    valid = [[clip in there[m] for clip in range(4)] for m in ("video", "audio")]
    assert counted == [*valid, [True, False, False, True]]


def test_the_head_of_what_is_left_answers_alone() -> None:
    network, x = network_of("classes", "marked").eval(), random_inputs(3, 4)
    mask = torch.ones(3, 4, dtype=torch.bool)
    there = {m: mask.clone() for m in BOTH}
    there["video"][0], there["audio"][1] = False, False
    with torch.no_grad():
        outputs = network({m: v.double() for m, v in x.items()}, masks_of(mask), there)
    assert torch.equal(outputs.fused[0], outputs.auxiliary["audio"][0])
    assert torch.equal(outputs.fused[1], outputs.auxiliary["video"][1])
    assert not torch.allclose(outputs.fused[2], outputs.auxiliary["audio"][2])
