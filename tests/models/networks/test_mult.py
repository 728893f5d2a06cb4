import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from features.task import Task
from models.networks.blocks import Attention
from models.networks.build import build
from models.networks.prenorm import PreNormEncoder, PreNormLayer, ResidualMLP, last_frame
from models.networks.stream import Stream
from models.settings import Modality, ModelSettings, NetworkSize
from tests.helpers.network_cases import (
    FEATURES,
    Case,
    lengths_mask,
    masks_of,
    random_inputs,
    random_present,
)

CLASSES = Task(kind="classification", level="sequence", outputs=list("abcd"))
SIX_CLASSES = Task(kind="classification", level="sequence", outputs=list("abcdef"))
BASELINE_2 = NetworkSize(dim=30, heads=10, ffn=120, layers=5)
UPSCALED = NetworkSize(dim=160, heads=10, ffn=640, layers=5)
SMALL = NetworkSize(dim=16, heads=4, ffn=24, layers=3, dropout=0.0)

quickly = settings(max_examples=15, deadline=None)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def parameters(modalities: list[Modality], size: NetworkSize, task: Task) -> int:
    model = ModelSettings(network="mult", sees=list(modalities))
    widths = {"audio": 130, "video": 4096}
    network = build(model, {m: widths[m] for m in modalities}, size, task)
    return sum(parameter.numel() for parameter in network.parameters())


def test_it_has_the_papers_size() -> None:
    assert parameters(["audio", "video"], BASELINE_2, CLASSES) == 358_384
    assert parameters(["audio", "video"], UPSCALED, SIX_CLASSES) == 7_070_406


def test_one_modality_has_one_encoder() -> None:
    encoder, dense = 56_010, 2 * 30 * 31 + 31 * 4
    assert parameters(["video"], BASELINE_2, CLASSES) == 4096 * 30 + encoder + dense
    assert parameters(["audio"], BASELINE_2, CLASSES) == 130 * 30 + encoder + dense


def torch_attention(ours: Attention, theirs: nn.MultiheadAttention) -> nn.MultiheadAttention:
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.query.weight, ours.key_value.weight)))
        theirs.in_proj_bias.copy_(torch.cat((ours.query.bias, ours.key_value.bias)))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    return theirs


def torch_layer(ours: PreNormLayer) -> nn.TransformerEncoderLayer:
    theirs = nn.TransformerEncoderLayer(
        SMALL.dim, SMALL.heads, SMALL.ffn, dropout=0.0, batch_first=True, norm_first=True
    )
    torch_attention(ours.attention, theirs.self_attn)
    theirs.linear1.load_state_dict(ours.ffn[0].state_dict())
    theirs.linear2.load_state_dict(ours.ffn[2].state_dict())
    theirs.norm1.load_state_dict(ours.norm_attention.state_dict())
    theirs.norm2.load_state_dict(ours.norm_ffn.state_dict())
    return theirs


def with_random_norms(module: nn.Module) -> None:
    """Norms that are not the identity, so that one in another's place is noticed."""
    for part in module.modules():
        if isinstance(part, nn.LayerNorm):
            nn.init.normal_(part.weight, 1.0, 0.3)
            nn.init.normal_(part.bias, 0.0, 0.3)


def test_encoder_equals_torchs() -> None:
    ours = PreNormEncoder(SMALL)
    with_random_norms(ours)
    x, mask = torch.randn(3, 9, 16), lengths_mask([9, 5, 1])
    expected = x
    for layer in ours.layers:
        expected = torch_layer(layer)(expected, src_key_padding_mask=~mask)
    expected = ours.norm(expected)
    assert torch.allclose(ours(x, mask)[mask], expected[mask], atol=1e-5)


def test_crossmodal_layer_is_torchs_attention_between_two_norms() -> None:
    ours = PreNormLayer(SMALL)
    with_random_norms(ours)
    x, memory, keys = torch.randn(3, 5, 16), torch.randn(3, 7, 16), lengths_mask([7, 4, 1])
    attention = torch_attention(ours.attention, nn.MultiheadAttention(16, 4, batch_first=True))
    norm = ours.norm_attention
    between, _ = attention(norm(x), norm(memory), norm(memory), key_padding_mask=~keys)
    between = x + between
    expected = between + ours.ffn(ours.norm_ffn(between))
    assert torch.allclose(ours(x, keys, memory), expected, atol=1e-5)


def test_every_crossmodal_layer_attends_to_the_same_memory() -> None:
    encoder = PreNormEncoder(SMALL)
    x, memory, keys = torch.randn(2, 5, 16), torch.randn(2, 7, 16), lengths_mask([7, 4])
    expected = x
    for layer in encoder.layers:
        expected = layer(expected, keys, memory)
    assert torch.equal(encoder(x, keys, memory), encoder.norm(expected))


def test_scales_weigh_the_residual_against_the_branch() -> None:
    plain, scaled = PreNormLayer(SMALL), PreNormLayer(SMALL, scaled=True)
    scaled.load_state_dict(plain.state_dict(), strict=False)
    x, keys = torch.randn(2, 5, 16), lengths_mask([5, 3])
    assert scaled.alpha is not None
    nn.init.constant_(scaled.alpha, 1.0)
    assert torch.equal(scaled(x, keys), x)
    nn.init.constant_(scaled.alpha, 0.25)
    normed = plain.norm_attention(x)
    between = 0.25 * x + 0.75 * plain.attention(normed, normed, keys)
    expected = 0.25 * between + 0.75 * plain.ffn(plain.norm_ffn(between))
    assert torch.allclose(scaled(x, keys), expected, atol=1e-6)


def test_dense_layers_have_a_residual_around_all_but_the_last() -> None:
    head, x = ResidualMLP(6, (9, 4), 3, dropout=0.5).eval(), torch.randn(2, 6)
    branch = x
    for layer in (head.branch[0], head.branch[3]):
        branch = layer(branch).relu()
    assert torch.allclose(head(x), head.output(x + head.branch[6](branch)))


@quickly
@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4), padding=st.integers(0, 5))
def test_last_frame_is_the_last_real_one(lengths: list[int], padding: int) -> None:
    mask = torch.cat((lengths_mask(lengths), torch.zeros(len(lengths), padding).bool()), dim=1)
    x = torch.randn(*mask.shape, 3)
    expected = torch.stack([clip[n - 1] for clip, n in zip(x, lengths, strict=True)])
    assert torch.equal(last_frame(x, mask)[:, 0], expected)


def test_only_the_last_real_frames_reach_the_dense_layers() -> None:
    network, x = Case("mult", ("audio", "video")).build("classes").eval(), random_inputs(2, 7)
    seen: list[Tensor] = []
    network.head.register_forward_hook(lambda *call: seen.append(call[1][0]))
    mask = lengths_mask([7, 3])
    network(x, masks_of(mask))
    network({m: values[1:, :3] for m, values in x.items()}, masks_of(mask[1:, :3]))
    assert seen[0].shape == (2, 1, 32)
    assert torch.allclose(seen[0][1], seen[1][0], atol=1e-6)


@pytest.mark.parametrize("name", ["mult", "auxformer"])
@quickly
@given(seed=st.integers(0, 2**16))
def test_missing_frames_are_not_attended_to(name: str, seed: int) -> None:
    """Whatever stands for them changes nothing where both modalities are present."""
    network = Case(name, ("audio", "video"), presence="marked").evaluated("frames")
    mask, first = lengths_mask([9, 6]), torch.arange(9) == 0
    present = {m: (p | first) & mask for m, p in random_present(2, 9, seed, p=0.7).items()}
    noise = {m: 10 * torch.randn(2, 9, 16) * ~present[m][..., None] for m in FEATURES}

    def outputs(disturbance: float) -> Tensor:
        projected = {m: network.project(m, x) for m, x in random_inputs(2, 9).items()}
        streams = {
            m: network.encode(m, Stream(x + disturbance * noise[m], mask, present[m]))
            for m, x in projected.items()
        }
        return network.fuse(streams).fused

    both = present["audio"] & present["video"]
    assert torch.allclose(outputs(0.0)[both], outputs(1.0)[both], atol=1e-5)


def test_a_modality_that_is_gone_does_not_matter() -> None:
    network = Case("mult", ("audio", "video"), presence="marked").evaluated("classes")
    mask, x = lengths_mask([6, 4]), random_inputs(2, 6)
    present = {"audio": mask, "video": torch.zeros_like(mask)}
    other = {**x, "video": x["video"].flip(1)}
    assert torch.equal(
        network(x, masks_of(mask), present).fused, network(other, masks_of(mask), present).fused
    )
    assert not torch.equal(network(x, masks_of(mask)).fused, network(other, masks_of(mask)).fused)


@pytest.mark.parametrize("option", ["embedding_dropout", "output_dropout"])
def test_each_dropout_is_used_in_training_alone(option: str) -> None:
    options = {"embedding_dropout": 0.0, "output_dropout": 0.0, option: 0.5}
    network = Case("mult", ("audio", "video"), tuple(options.items())).build()
    mask, x = lengths_mask([6, 4]), random_inputs(2, 6)
    assert not torch.equal(network(x, masks_of(mask)).fused, network(x, masks_of(mask)).fused)
    network.eval()
    assert torch.equal(network(x, masks_of(mask)).fused, network(x, masks_of(mask)).fused)


def test_the_input_of_every_encoder_is_dropped_out() -> None:
    options = (("embedding_dropout", 0.5), ("output_dropout", 0.0))
    network = Case("mult", ("audio", "video"), options).build("classes")
    seen: list[Tensor] = []
    for encoders in (network.crossmodal.encoders, network.encoders):
        for m in FEATURES:
            encoders[m].register_forward_hook(lambda *call: seen.append(call[1][0]))
    network(random_inputs(4, 20), masks_of(lengths_mask([20] * 4)))
    assert len(seen) == 4
    assert all(0.4 < (x == 0).float().mean() < 0.6 for x in seen)
