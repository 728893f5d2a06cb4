import pytest
import torch
from torch import nn

from models.networks import build
from models.networks.blocks import Attention, EncoderLayer, sinusoidal_positions
from models.networks.recogniser import Recogniser
from models.settings import ModelSettings, NetworkSize, Task

SMALL = NetworkSize(dim=16, heads=4, ffn=24, layers=2)
FEATURES = {"audio": 30, "video": 20}
MODELS = {
    "crossmodal": ModelSettings(),
    "video_only": ModelSettings(network="unimodal", modalities=["video"]),
    "audio_only": ModelSettings(network="unimodal", modalities=["audio"]),
}


TASKS = {
    "regression": Task(),
    "classes": Task(kind="classification", level="sequence", outputs=list("abcd")),
}


def network(name: str, size: NetworkSize = SMALL, task: str = "regression") -> Recogniser:
    torch.manual_seed(0)
    return build(MODELS[name], FEATURES, size, TASKS[task])


def inputs(clips: int, frames: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {m: torch.randn(clips, frames, n, generator=generator) for m, n in FEATURES.items()}


def test_crossmodal_has_the_papers_size() -> None:
    model = build(ModelSettings(), {"audio": 3900, "video": 4096}, NetworkSize(), Task())
    d = 512
    attention, ffn, norms = 4 * (d * d + d), 2 * (d * d + d), 4 * d
    expected = (
        (4096 + 1) * d
        + (3900 + 1) * d
        + 4 * (attention + ffn + norms)
        + 2 * attention
        + 2  # α and β
        + 2 * (d + 1)
    )
    count = sum(p.numel() for p in model.parameters())
    assert count == expected
    assert round(count / 1e6, 1) == 12.5


def test_attention_equals_torchs() -> None:
    ours, theirs = Attention(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    copy_attention(ours, theirs)
    queries, memory = torch.randn(3, 5, 16), torch.randn(3, 7, 16)
    mask = torch.rand(3, 7) < 0.7
    mask[:, 0] = True
    expected, _ = theirs(queries, memory, memory, key_padding_mask=~mask)
    assert torch.allclose(ours(queries, memory, mask), expected, atol=1e-6)


def test_encoder_layer_equals_torchs() -> None:
    ours = EncoderLayer(16, 4, 24, dropout=0.0)
    theirs = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True)
    copy_attention(ours.attention, theirs.self_attn)
    for mine, other in (
        (ours.ffn[0], theirs.linear1),
        (ours.ffn[3], theirs.linear2),
        (ours.norm_attention, theirs.norm1),
        (ours.norm_ffn, theirs.norm2),
    ):
        other.load_state_dict(mine.state_dict())
    x, mask = torch.randn(3, 9, 16), torch.ones(3, 9, dtype=torch.bool)
    mask[1, 5:] = False
    expected = theirs(x, src_key_padding_mask=~mask)
    assert torch.allclose(ours(x, mask)[mask], expected[mask], atol=1e-5)


def copy_attention(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.query.weight, ours.key_value.weight)))
        theirs.in_proj_bias.copy_(torch.cat((ours.query.bias, ours.key_value.bias)))
        theirs.out_proj.load_state_dict(ours.output.state_dict())


def test_positions_are_those_of_the_formula() -> None:
    positions = sinusoidal_positions(50, 8)
    assert positions[7, 2].item() == pytest.approx(torch.sin(torch.tensor(7 / 10)).item())
    assert positions[7, 5].item() == pytest.approx(torch.cos(torch.tensor(7 / 100)).item())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("padding", [1, 40])
def test_padding_changes_nothing(name: str, padding: int, task: str) -> None:
    model = network(name, task=task).eval()
    x = inputs(3, 25)
    mask = torch.ones(3, 25, dtype=torch.bool)
    padded = {m: torch.cat((v, torch.randn(3, padding, v.shape[2])), 1) for m, v in x.items()}
    longer = torch.cat((mask, torch.zeros(3, padding, dtype=torch.bool)), 1)
    expected = model(x, mask)
    assert expected.shape == (3, 25 if task == "regression" else 1, len(TASKS[task].outputs))
    assert torch.allclose(model(padded, longer)[:, :25], expected, atol=1e-5)


def test_sequences_of_different_length_do_not_disturb_each_other() -> None:
    model, x = network("crossmodal", task="classes").eval(), inputs(3, 25)
    mask = torch.arange(25) < torch.tensor([25, 7, 1])[:, None]
    together = model(x, mask)
    for row, frames in enumerate((25, 7, 1)):
        alone = {m: v[row : row + 1, :frames] for m, v in x.items()}
        own = model(alone, torch.ones(1, frames, dtype=torch.bool))
        assert torch.allclose(together[row], own[0], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_every_parameter(name: str) -> None:
    model = network(name)
    model(inputs(2, 10), torch.ones(2, 10, dtype=torch.bool)).square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        if "key_value.bias" not in parameter_name:  # softmax ignores a shift of all keys
            assert parameter.grad.abs().sum() > 0, parameter_name


def test_unimodal_ignores_the_other_modality() -> None:
    model, mask = network("video_only").eval(), torch.ones(2, 10, dtype=torch.bool)
    x = inputs(2, 10)
    assert torch.equal(model(x, mask), model({**x, "audio": x["audio"] * 0}, mask))
