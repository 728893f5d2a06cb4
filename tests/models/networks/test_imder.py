"""IMDer against its published forward pass and sampler, a clip and a frame at a time."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from features.errors import InputError
from models.ablation.frame_map import FrameMap, Lost
from models.export.graph import Graph, SeenRows, inputs_of
from models.export.writing import write_onnx
from models.networks.blocks import sinusoidal_positions
from models.networks.imder import IMDer, Refiner
from models.networks.prenorm import PreNormEncoder
from models.networks.score import Frames, Level, ScoreNetwork, deviation
from models.training.phases import Lossy
from tests.helpers.loops import Vector, array, dense, layer_norm, layers, sigmoid, softmax, swish
from tests.helpers.network_cases import Case, labelled_batch, masks_of, random_inputs

BOTH = ("audio", "video")
OPTIONS = (("steps", 3), ("blocks", 2))
DIM, HEADS = 8, 2


def network_of(task: str = "classes", presence: str = "marked") -> IMDer:
    return Case("imder", BOTH, OPTIONS, presence).build(task)


def convolved(layer: nn.Conv1d | nn.ConvTranspose1d, x: Vector) -> Vector:
    """(frames, channels), tap by tap; a transposed one gives every frame to its neighbours."""
    weight, bias = array(layer.weight), 0 if layer.bias is None else array(layer.bias)
    (stride,), (padding,), (kernel,) = layer.stride, layer.padding, layer.kernel_size
    if isinstance(layer, nn.ConvTranspose1d):
        out = np.zeros((len(x) * stride, weight.shape[1]))
        for t in range(len(x)):
            for k in range(kernel):
                if 0 <= t * stride + k - padding < len(out):
                    out[t * stride + k - padding] += x[t] @ weight[:, :, k]
        return out + bias
    out = np.zeros((math.ceil(len(x) / stride), weight.shape[0]))
    for t in range(len(out)):
        for k in range(kernel):
            if 0 <= t * stride + k - padding < len(x):
                out[t] += weight[:, :, k] @ x[t * stride + k - padding]
    return out + bias


def attended(encoder: PreNormEncoder, x: Vector, memory: Vector) -> Vector:
    """The code's crossmodal encoder: scaled, placed, pre-norm, and a norm at the end."""
    dim = x.shape[1]
    places = array(sinusoidal_positions(max(len(x), len(memory)), dim))
    x, memory = (math.sqrt(dim) * v + places[: len(v)] for v in (x, memory))
    for layer in encoder.layers:
        q = dense(layer.attention.query, layer_norm(layer.norm_attention, x))
        kv = dense(layer.attention.key_value, layer_norm(layer.norm_attention, memory))
        k, v = np.split(kv, 2, axis=-1)
        mixed = np.zeros_like(x)
        for c in np.split(np.arange(dim), layer.attention.heads):
            mixed[:, c] = softmax(q[:, c] @ k[:, c].T / math.sqrt(len(c))) @ v[:, c]
        x = x + dense(layer.attention.output, mixed)
        x = x + layers(layer.ffn, layer_norm(layer.norm_ffn, x))
    return layer_norm(encoder.norm, x)


def level(module: Level, h: Vector, condition: Vector, time: Vector) -> tuple[Vector, Vector]:
    h = convolved(module.convolution, h)
    if module.aligning is not None:
        condition = convolved(module.aligning, condition)
    h = h + attended(module.attention, h, condition)
    if module.norm is None:
        return h, condition
    h = h + dense(module.time, time)
    groups = []
    for c in np.split(np.arange(h.shape[1]), module.norm.num_groups):
        part = h[:, c]
        groups.append((part - part.mean()) / np.sqrt(part.var() + module.norm.eps))
    normed = np.concatenate(groups, axis=1) * array(module.norm.weight) + array(module.norm.bias)
    return swish(normed), condition


def score_of(network: ScoreNetwork, x: Vector, t: float, condition: Vector) -> Vector:
    angles = 2 * np.pi * t * array(network.frequencies)
    time = swish(dense(network.embedding, np.concatenate((np.sin(angles), np.cos(angles)))))
    h1, c = level(network.down[0], x, condition, time)
    h2, c = level(network.down[1], h1, c, time)
    h3, c = level(network.down[2], h2, c, time)
    h4, c = level(network.down[3], h3, c, time)
    h, c = level(network.up[0], h4, c, time)
    h, c = level(network.up[1], np.concatenate((h, h3), axis=1), c, time)
    h, c = level(network.up[2], np.concatenate((h, h2), axis=1), c, time)
    h, _ = level(network.last, np.concatenate((h, h1), axis=1), c, time)
    return h / math.sqrt((25 ** (2 * t) - 1) / 2 / math.log(25))


def frames_of(count: int, seed: int) -> Frames:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, count, DIM, generator=generator).double()
    return Frames(x, torch.ones(1, count, dtype=torch.bool))


@pytest.fixture(scope="module")
def score() -> ScoreNetwork:
    torch.manual_seed(0)
    return ScoreNetwork(DIM, HEADS).double()


def test_the_score_is_that_of_the_published_u_net(score: ScoreNetwork) -> None:
    x, condition = frames_of(16, 1), frames_of(16, 2)
    with torch.no_grad():
        found = score(x, torch.tensor([0.3]).double(), condition)
    expected = score_of(score, array(x.x[0]), 0.3, array(condition.x[0]))
    assert array(found[0]) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_padding_changes_no_score(score: ScoreNetwork) -> None:
    x, condition, t = frames_of(11, 1), frames_of(7, 2), torch.tensor([0.3]).double()
    with torch.no_grad():
        expected = score(x, t, condition)
        padded = [
            Frames(
                nn.functional.pad(f.x, (0, 0, 0, 9), value=5.0), nn.functional.pad(f.mask, (0, 9))
            )
            for f in (x, condition)
        ]
        found = score(padded[0], t, padded[1])
    assert torch.allclose(found[:, :11], expected, atol=1e-6)


def test_sampling_is_the_published_loop(score: ScoreNetwork) -> None:
    condition, steps = frames_of(8, 3), 3
    draws = [np.random.default_rng(n).standard_normal((8, DIM)) for n in range(1 + 2 * steps)]
    given = iter(draws)
    with torch.no_grad():
        found = score.sample(
            condition.mask, condition, steps, lambda _: torch.from_numpy(next(given))[None]
        )
    rest = iter(draws)
    c, x = array(condition.x[0]), next(rest) * float(deviation(torch.tensor(1.0)))
    times = np.linspace(1, 1e-3, steps)
    step = times[0] - times[1]
    for t in times:
        g = 25.0**t
        noisy = c + next(rest) * math.sqrt((25 ** (2 * t) - 1) / 2 / math.log(25))
        mean = x + g**2 * score_of(score, x, t, noisy) * step
        x = mean + math.sqrt(step) * g * next(rest)
    assert array(found[0]) == pytest.approx(mean, rel=1e-3, abs=1e-3)


def test_a_score_that_knows_the_noise_has_no_loss(
    score: ScoreNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of x = 0 what is noisy is z · std, and the score −z / std."""
    nothing = Frames(torch.zeros(3, 5, DIM), torch.arange(5) < torch.tensor([[5], [3], [0]]))
    known = monkeypatch.setattr
    known(ScoreNetwork, "forward", lambda _, x, t, __: -x.x / deviation(t)[:, None, None] ** 2)
    assert score.loss(nothing, nothing).abs().max() < 1e-6
    known(ScoreNetwork, "forward", lambda _, x, __, ___: 0 * x.x)
    torch.manual_seed(0)
    lost = score.loss(nothing, nothing)
    torch.manual_seed(0)
    torch.rand(3)
    z = torch.randn(3, 5, DIM) * nothing.mask[..., None]
    assert torch.allclose(lost, z.square().sum((1, 2)))


def test_refinement_is_the_published_one() -> None:
    torch.manual_seed(0)
    refiner, x = Refiner(DIM, 2).double(), frames_of(6, 4)

    def taps(layer: nn.Conv1d, y: Vector) -> Vector:
        return convolved(layer, y)

    start = y = dense(refiner.widen, array(x.x[0]))
    for block in refiner.blocks:
        branch = taps(block.second, np.maximum(taps(block.first, y), 0))
        y = y + branch * sigmoid(layers(block.attention, branch.mean(0)))
    expected = dense(refiner.narrow, start + taps(refiner.end, y))
    with torch.no_grad():
        assert array(refiner(*x)[0]) == pytest.approx(expected, abs=1e-7)


def test_a_modality_that_is_gone_is_sampled_and_one_that_is_there_is_not() -> None:
    network, x = network_of().eval(), random_inputs(3, 6)
    mask = torch.ones(3, 6, dtype=torch.bool)
    there = {m: mask.clone() for m in BOTH}
    there["video"][0], there["audio"][1] = False, False
    there["video"][1, 2] = False
    with torch.no_grad():
        outputs = network(x, masks_of(mask), there)
        again = network({**x, "video": -x["video"]}, masks_of(mask), there)
    assert outputs.inside["made.video"].tolist() == [True, False, False]
    assert outputs.inside["made.audio"].tolist() == [False, True, False]
    # What a gone picture held changes nothing, in itself or in what is made of it.
    assert torch.equal(again.fused[0], outputs.fused[0])
    assert torch.equal(again.inside["imputed.video"], outputs.inside["imputed.video"])
    nothing = {m: torch.zeros_like(mask) for m in BOTH}
    with torch.no_grad():
        assert not network(x, masks_of(mask), nothing).inside


def test_the_second_phase_has_the_losses_of_what_was_made() -> None:
    network, batch = network_of(), labelled_batch("classes", frames=6)
    whole = {m: replace(part, present=part.mask) for m, part in batch.streams.items()}
    batch = replace(batch, streams=whole)
    empty = torch.zeros_like(batch.mask)
    empty[2] = True
    lossy = Lossy(batch, batch.inputs(), {"video": Lost(FrameMap(batch.draws().index, empty))})
    first, second = network.phases(lambda outputs, _: outputs.fused.sum())
    assert first.updates[0].complete
    frozen = {n.split(".")[0] for n, _ in network.named_parameters()}
    frozen -= {p.rstrip(".") for p in second.parameters}
    assert frozen == {"projections"}
    outputs = network(lossy.inputs, batch.masks(), batch.received(), lossy.lost)
    torch.manual_seed(3)
    found = second.updates[0].loss(outputs, lossy)
    with torch.no_grad():
        was, other = (network.complete(m, lossy).x[2:3] for m in ("video", "audio"))
        torch.manual_seed(3)
        mask = torch.ones(1, 6, dtype=torch.bool)
        matched = network.scores["video"].loss(Frames(was, mask), Frames(other, mask))
        apart = (outputs.inside["imputed.video"][2] - was[0]).square().mean()
        # The mean over both modalities, of which one was not made.
        expected = outputs.fused.sum() + 0.1 * (matched.mean() + apart) / 2
    assert torch.allclose(found, expected)
    assert not network_of(presence="ignored").phases(lambda *_: None)[0].updates[0].complete


def test_sampling_is_not_exported() -> None:
    pytest.importorskip("onnx")
    network = network_of().eval()
    rows = {m: SeenRows((width,), (None,), 1) for m, width in network.features.items()}
    graph = Graph(network, rows, aligned=True)
    with pytest.raises(InputError, match="IMDer cannot be exported: it samples in 3 steps"):
        write_onnx(graph, inputs_of(rows, aligned=True), Path("none.onnx"))
    assert not network_of(presence="ignored").unexported
