import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.functional import pad

from features.task import Task
from models.networks.branches import FrameNorm
from models.networks.build import build
from models.networks.fusion import TransformerBlock
from models.networks.recogniser import Recogniser
from models.networks.stream import Stream
from models.settings import FusionOptions, ModelSettings, NetworkSize
from models.training.losses import task_loss
from tests.helpers.network_cases import masks_of

FEATURES = {"audio": 7, "video": 5}
KINDS = ("lt", "it", "ia", "tav", "tva", "mult")
TASKS = {
    "regression": Task(),
    "classes": Task(kind="classification", level="sequence", outputs=list("abcd")),
    "sentiment": Task(kind="sentiment", level="sequence", outputs=["sentiment"]),
}
PAPER = NetworkSize(dim=64, heads=1, ffn=256, layers=1, dropout=0.0)


def size(heads: int = 2, layers: int = 1) -> NetworkSize:
    return NetworkSize(dim=8, heads=heads, ffn=12, layers=layers, dropout=0.0)


def fusion(
    kind: str = "ia",
    task: str = "regression",
    presence: str = "ignored",
    modalities: tuple[str, ...] = ("audio", "video"),
    sizes: NetworkSize | None = None,
) -> Recogniser:
    torch.manual_seed(0)
    model = ModelSettings(
        network="fusion", sees=list(modalities), presence=presence, options={"kind": kind}
    )
    network = build(model, {m: FEATURES[m] for m in modalities}, sizes or size(), TASKS[task])
    for module in network.modules():
        if isinstance(module, FrameNorm):  # as after some training
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.05, 0.2)
    return network


def inputs(clips: int, frames: int, seed: int = 1) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {m: torch.randn(clips, frames, n, generator=generator) for m, n in FEATURES.items()}


def real(*lengths: int, frames: int | None = None) -> Tensor:
    return torch.arange(frames or max(lengths)) < torch.tensor(lengths)[:, None]


def stream(clips: int, frames: int, dim: int, present: Tensor | None = None) -> Stream:
    mask = torch.ones(clips, frames, dtype=torch.bool)
    return Stream(torch.randn(clips, frames, dim), mask, mask if present is None else present)


def padded(x: dict[str, Tensor], padding: int) -> dict[str, Tensor]:
    return {
        m: torch.cat((v, 1000 * torch.randn(len(v), padding, v.shape[2])), 1) for m, v in x.items()
    }


def test_a_kind_that_does_not_exist_is_refused() -> None:
    assert FusionOptions().kind == "ia"  # the paper's best
    with pytest.raises(ValidationError, match="kind"):
        FusionOptions(kind="early")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("kind", "heads"), list(itertools.product(KINDS, (1, 4))))
def test_every_form_has_outputs(kind: str, heads: int, task: str) -> None:
    network = fusion(kind, task, sizes=size(heads, layers=2))
    outputs = network(inputs(3, 6), masks_of(real(6, 4, 1)))
    assert outputs.fused.shape == (3, 6 if task == "regression" else 1, len(TASKS[task].outputs))
    assert outputs.fused.isfinite().all()
    assert not outputs.auxiliary


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("modality", ["audio", "video"])
def test_one_modality_is_a_branch_and_a_head(modality: str, task: str) -> None:
    network = fusion(task=task, modalities=(modality,))
    assert {name for name, _ in network.named_children()} >= {"first", "second", "head"}
    assert not hasattr(network, "weights")
    fused = network(inputs(2, 6), masks_of(real(6, 3))).fused
    assert fused.shape == (2, 6 if task == "regression" else 1, len(TASKS[task].outputs))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_both_modalities_reach_the_outputs(kind: str, task: str) -> None:
    x = {m: v.requires_grad_() for m, v in inputs(2, 6).items()}
    network = fusion(kind, task).eval()
    network.range = torch.nn.Identity()  # beyond it there is no gradient
    network(x, masks_of(real(6, 6))).fused.sum().backward()
    for modality, v in x.items():
        assert (v.grad.abs().amax(-1) > 1e-7).all(), modality


@pytest.mark.parametrize("kind", [*KINDS, "audio", "video"])
@settings(max_examples=20, deadline=None)
@given(
    task=st.sampled_from(sorted(TASKS)),
    presence=st.sampled_from(("ignored", "marked", "filled")),
    frames=st.integers(1, 12),
    padding=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_padding_changes_nothing(
    kind: str, task: str, presence: str, frames: int, padding: int, seed: int
) -> None:
    if kind in KINDS:
        network = fusion(kind, task, presence).eval()
    else:
        network = fusion(task=task, presence=presence, modalities=(kind,)).eval()
    x, mask = inputs(2, frames, seed), real(frames, (frames + 1) // 2)
    present = {m: mask & (v[..., 0] > -0.5) for m, v in x.items()}
    longer = pad(mask, (0, padding))
    received = {m: pad(p, (0, padding)) for m, p in present.items()}
    with torch.no_grad():
        expected = network(x, masks_of(mask), present).fused
        found = network(padded(x, padding), masks_of(longer), received).fused
    if task == "regression":
        found, expected = found[:, :frames][mask], expected[mask]
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing_in_training(kind: str) -> None:
    mask, x = real(6, 4, 1), inputs(3, 6)
    networks, outputs = [], []
    for padding in (0, 9):
        network = fusion(kind).train()
        found = network(padded(x, padding), masks_of(pad(mask, (0, padding)))).fused
        found[:, :6][mask].square().sum().backward()
        networks.append(network)
        outputs.append(found[:, :6][mask])
    assert torch.allclose(*outputs, atol=1e-5)
    one, other = networks
    buffers = dict(other.named_buffers())
    for name, buffer in one.named_buffers():
        assert torch.allclose(buffer, buffers[name], atol=1e-6), name
    gradients = {name: parameter.grad for name, parameter in other.named_parameters()}
    for name, parameter in one.named_parameters():
        assert torch.allclose(parameter.grad, gradients[name], rtol=1e-3, atol=1e-4), name


@pytest.mark.parametrize("task", ["regression", "classes"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("presence", ["ignored", "marked"])
def test_gradients_reach_every_parameter(kind: str, presence: str, task: str) -> None:
    network = fusion(kind, task, presence, sizes=size(layers=2))
    x, mask = inputs(4, 9), real(9, 9, 6, 3)
    present = {m: mask & (v[..., 0] > 0) for m, v in x.items()}
    outputs = network(x, masks_of(mask), present).fused
    (outputs * torch.randn_like(outputs)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 1e-7, name


@settings(max_examples=25, deadline=None)
@given(frames=st.integers(1, 9), heads=st.sampled_from((1, 4)), seed=st.integers(0, 99))
def test_frame_weights_are_summed_attention(frames: int, heads: int, seed: int) -> None:
    torch.manual_seed(seed)
    weights = fusion("ia", sizes=size(heads)).weights["video"]
    mask = real(frames, (frames + 1) // 2)
    video = Stream(torch.randn(2, frames, 8), mask, mask & (torch.rand(2, frames) < 0.6))
    audio = Stream(torch.randn(2, frames, 16), mask, mask & (torch.rand(2, frames) < 0.6))
    theirs = nn.MultiheadAttention(16, heads, bias=False, kdim=8, vdim=8, batch_first=True)
    with torch.no_grad():
        theirs.q_proj_weight.copy_(weights.query.weight)
        theirs.k_proj_weight.copy_(weights.key.weight)
    _, attention = theirs(audio.x, video.x, video.x, key_padding_mask=~video.keys)
    found = weights(video, audio)
    votes = (attention * audio.keys.unsqueeze(-1)).sum(1) / audio.keys.sum(1, keepdim=True)
    assert torch.allclose(found, votes * mask.sum(1, keepdim=True), atol=1e-5)
    assert torch.allclose(found.sum(1), mask.sum(1).float(), atol=1e-4)
    assert not found[~video.keys].any()


def test_a_zeroed_modality_gives_constant_weights() -> None:
    """Section III.C: without biases, no information passes from it."""
    weights = fusion("ia").weights["video"]
    silent = stream(2, 6, 16).holding(torch.zeros(2, 6, 16))
    assert torch.allclose(weights(stream(2, 6, 8), silent), torch.ones(2, 6))


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_transformer_block_equals_one_of_torchs_parts(kernel: int) -> None:
    block = TransformerBlock(8, 16, size(), kernel)
    theirs = nn.MultiheadAttention(8, 2, bias=False, kdim=16, vdim=16, batch_first=True)
    ours = block.attention
    nn.init.zeros_(ours.output.bias)
    with torch.no_grad():
        theirs.q_proj_weight.copy_(ours.query.weight)
        theirs.k_proj_weight.copy_(ours.key_value.weight[:8])
        theirs.v_proj_weight.copy_(ours.key_value.weight[8:])
        theirs.out_proj.weight.copy_(ours.output.weight)
    inner = nn.Conv1d(8, 12, kernel, padding="same")
    outer = nn.Conv1d(12, 8, kernel, padding="same")
    inner.load_state_dict(block.inner.state_dict())
    outer.load_state_dict(block.outer.state_dict())
    into, other = stream(2, 5, 8), stream(2, 5, 16, real(3, 5))
    memory = block.norm_memory(other.x)
    x, _ = theirs(block.norm_queries(into.x), memory, memory, key_padding_mask=~other.keys)
    expected = x + outer(nn.functional.gelu(inner(block.norm_ffn(x).mT))).mT
    assert torch.allclose(block(into, other).x, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["lt", "tav", "tva", "mult"])
def test_missing_frames_get_no_attention(kind: str) -> None:
    network = fusion(kind, presence="marked").eval()
    heard = {"tav": "audio", "tva": "video"}.get(kind, "audio")
    present = real(3, 5)
    encoded = {m: stream(2, 5, 16, present) for m in FEATURES}
    changed = encoded[heard].holding(encoded[heard].x + (~present).unsqueeze(-1) * 9)
    other = {"audio": "video", "video": "audio"}[heard]
    into = network.transformers[other]
    assert torch.allclose(
        into(encoded[other], changed).x, into(encoded[other], encoded[heard]).x, atol=1e-6
    )


def test_missing_frames_of_the_other_modality_give_no_weight() -> None:
    weights = fusion("ia", presence="marked").weights["video"]
    video, audio = stream(2, 5, 8), stream(2, 5, 16, real(3, 5))
    changed = audio.holding(audio.x + 9 * (~audio.present).unsqueeze(-1))
    assert torch.equal(weights(video, changed), weights(video, audio))
    everything = Stream(audio.x, audio.mask, audio.mask)
    assert not torch.allclose(weights(video, everything)[0], weights(video, audio)[0], atol=1e-4)


@pytest.mark.parametrize(("kind", "heard"), [("tav", "audio"), ("tva", "video")])
def test_one_direction_is_one_direction(kind: str, heard: str) -> None:
    network = fusion(kind).eval()
    other = {"audio": "video", "video": "audio"}[heard]
    assert list(network.transformers) == [other]
    encoded = {m: stream(2, 5, 16) for m in FEATURES}
    still = encoded[heard].x[:, :1].expand(-1, 5, -1)
    # Where all that is heard is the same, it does not matter where the other one attends.
    constant = {**encoded, heard: encoded[heard].holding(still)}
    replaced = {**constant, other: stream(2, 5, 16)}
    assert torch.allclose(network.fuse(replaced).fused, network.fuse(constant).fused, atol=1e-6)
    moved = {**constant, heard: encoded[heard].holding(still + torch.randn(16))}
    assert not torch.allclose(network.fuse(moved).fused, network.fuse(constant).fused, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_bf16_autocast_is_near_full_precision(kind: str) -> None:
    network, x, mask = fusion(kind), inputs(2, 6), real(6, 4)
    with torch.autocast("cpu", torch.bfloat16):
        network(x, masks_of(mask)).fused.float().square().mean().backward()
    network.eval()
    expected = network(x, masks_of(mask)).fused[mask]
    with torch.autocast("cpu", torch.bfloat16):
        found = network(x, masks_of(mask)).fused[mask]
    assert torch.allclose(found.float(), expected, atol=0.05)


@pytest.mark.parametrize("task", ["regression", "classes"])
@pytest.mark.parametrize("kind", KINDS)
def test_overfits_one_batch(kind: str, task: str) -> None:
    network, x, mask = fusion(kind, task), inputs(8, 5), real(5, 5, 5, 5, 4, 4, 3, 2)
    torch.manual_seed(2)
    if task == "classes":
        labels = torch.eye(4)[torch.arange(8) % 4][:, None]
        valid = torch.ones(8, 1, dtype=torch.bool)
    else:
        labels, valid = torch.randn(8, 5, 2), mask
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(120):
        loss = task_loss(TASKS[task], network(x, masks_of(mask)).fused, labels, valid)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1


def test_parameter_counts_at_the_papers_size() -> None:
    """The paper gives none; these are ours for its 10 coefficients, 1024 features, 7 classes."""
    audio = 3 * (10 * 64 + 64 * 128 + 128 * 256 + 256 * 128) + 2 * (64 + 128 + 256 + 128)
    video = 3 * (1024 * 64 + 64 * 64 + 64 * 128 + 128 * 128) + 2 * (64 + 64 + 128 + 128)

    def block(dim: int, memory: int, kernel: int = 1) -> int:
        attention = dim * dim + 2 * memory * dim + dim * dim + dim
        return attention + 2 * (2 * dim + memory) + 2 * kernel * dim * 256 + 256 + dim

    both, one = (2 * 128 + 1) * 7, (128 + 1) * 7
    added = {
        "ia": (128 * 128 + 64 * 128) + (64 * 64 + 128 * 64) + both,
        "it": block(128, 64) + block(64, 128) + both,
        "lt": 2 * block(128, 128) + both,
        "tav": block(128, 128, kernel=3) + one,
        "tva": block(128, 128, kernel=3) + one,
    }
    task = Task(kind="classification", level="sequence", outputs=list("abcdefg"))
    counts = {}
    for kind, fused in added.items():
        model = ModelSettings(network="fusion", options={"kind": kind})
        network = build(model, {"audio": 10, "video": 1024}, PAPER, task)
        counts[kind] = sum(parameter.numel() for parameter in network.parameters())
        assert counts[kind] == audio + video + fused, kind
    assert counts == {"ia": 546311, "it": 683527, "lt": 774151, "tav": 771975, "tva": 771975}
