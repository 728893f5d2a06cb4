"""EfficientFace against its published forward pass, written with torch's functions alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from features.errors import InputError
from features.hashes import hash_of_file
from features.task import Task
from models.networks.build import build
from models.networks.efficientface import AT_A_TIME, WIDTH, EfficientFace
from models.networks.efficientface_weights import read_published
from models.settings import ModelSettings, TrainSettings
from models.settings.resolved import resolve
from models.training.plan import Plan

State = dict[str, Tensor]


def published_state(seed: int = 0) -> State:
    """Random weights under the published names, as after some training."""
    generator = torch.Generator().manual_seed(seed)
    state: State = {}

    def layer(name: str, *shape: int, bias: bool = False) -> None:
        fan = max(1, shape[1] * 9 if len(shape) == 4 and shape[2] == 3 else shape[1])
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / fan) ** 0.5
        if bias:
            state[f"{name}.bias"] = 0.1 * torch.randn(shape[0], generator=generator)

    def norm(name: str, channels: int) -> None:
        for kind in ("weight", "running_var"):
            state[f"{name}.{kind}"] = 0.8 + 0.4 * torch.rand(channels, generator=generator)
        for kind in ("bias", "running_mean"):
            state[f"{name}.{kind}"] = 0.2 * torch.randn(channels, generator=generator)
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    layer("conv1.0", 29, 3, 3, 3)
    norm("conv1.1", 29)
    inputs = 29
    for stage, (outputs, blocks) in enumerate(((116, 4), (232, 8), (464, 4)), start=2):
        half = outputs // 2
        for block in range(blocks):
            place = f"stage{stage}.{block}"
            if block == 0:
                layer(f"{place}.branch1.0", inputs, 1, 3, 3)
                norm(f"{place}.branch1.1", inputs)
                layer(f"{place}.branch1.2", half, inputs, 1, 1)
                norm(f"{place}.branch1.3", half)
            layer(f"{place}.branch2.0", half, inputs if block == 0 else half, 1, 1)
            layer(f"{place}.branch2.3", half, 1, 3, 3)
            layer(f"{place}.branch2.5", half, half, 1, 1)
            for number in (1, 4, 6):
                norm(f"{place}.branch2.{number}", half)
        inputs = outputs
    for quarter in range(1, 5):
        for number in (1, 2):
            layer(f"local.conv{quarter}_{number}", 116, 1, 3, 3)
            norm(f"local.bn{quarter}_{number}", 116)
    channel, place = "modulator.channel_att.gate_c.gate_c_", "modulator.spatial_att.gate_s.gate_s_"
    layer(f"{channel}fc_0", 7, 116, bias=True)
    norm(f"{channel}bn_1", 7)
    layer(f"{channel}fc_final", 116, 7, bias=True)
    layer(f"{place}conv_reduce0", 7, 116, 1, 1, bias=True)
    norm(f"{place}bn_reduce0", 7)
    for number in (0, 1):
        layer(f"{place}conv_di_{number}", 7, 7, 3, 3, bias=True)
        norm(f"{place}bn_di_{number}", 7)
    layer(f"{place}conv_final", 1, 7, 1, 1, bias=True)
    layer("conv5.0", 1024, 464, 1, 1)
    norm("conv5.1", 1024)
    layer("fc", 7, 1024, bias=True)
    return state


def described(state: State, x: Tensor, *, training: bool) -> Tensor:
    """The published pass over pictures (P, 3, side, side) to their 1024 numbers."""

    def normed(name: str, x: Tensor) -> Tensor:
        mean, variance, *affine = (
            state[f"{name}.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(x, mean.clone(), variance.clone(), *affine, training=training)

    def conv(name: str, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        padding = dilation if weight.shape[-1] == 3 else 0
        groups = x.shape[1] // weight.shape[1]
        bias = state.get(f"{name}.bias")
        return functional.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def block(place: str, x: Tensor, stride: int) -> Tensor:
        kept, changed = x.chunk(2, 1) if stride == 1 else (x, x)
        if stride == 2:
            kept = normed(f"{place}.branch1.1", conv(f"{place}.branch1.0", kept, 2))
            kept = normed(f"{place}.branch1.3", conv(f"{place}.branch1.2", kept)).relu()
        changed = normed(f"{place}.branch2.1", conv(f"{place}.branch2.0", changed)).relu()
        changed = normed(f"{place}.branch2.4", conv(f"{place}.branch2.3", changed, stride))
        changed = normed(f"{place}.branch2.6", conv(f"{place}.branch2.5", changed)).relu()
        return functional.channel_shuffle(torch.cat((kept, changed), 1), 2)

    def stage(number: int, blocks: int, x: Tensor) -> Tensor:
        for place in range(blocks):
            x = block(f"stage{number}.{place}", x, 1 if place else 2)
        return x

    def quarter(number: int, part: Tensor) -> Tensor:
        part = normed(f"local.bn{number}_1", conv(f"local.conv{number}_1", part, 2)).relu()
        return normed(f"local.bn{number}_2", conv(f"local.conv{number}_2", part)).relu()

    def modulated(x: Tensor) -> Tensor:
        name = "modulator.channel_att.gate_c.gate_c_"
        channel = functional.linear(
            x.mean((2, 3)), state[f"{name}fc_0.weight"], state[f"{name}fc_0.bias"]
        )
        channel = functional.linear(
            normed(f"{name}bn_1", channel).relu(),
            state[f"{name}fc_final.weight"],
            state[f"{name}fc_final.bias"],
        )
        name = "modulator.spatial_att.gate_s.gate_s_"
        place = normed(f"{name}bn_reduce0", conv(f"{name}conv_reduce0", x)).relu()
        for number in (0, 1):
            place = conv(f"{name}conv_di_{number}", place, dilation=4)
            place = normed(f"{name}bn_di_{number}", place).relu()
        return x * (channel[..., None, None] * conv(f"{name}conv_final", place)).sigmoid()

    x = normed("conv1.1", conv("conv1.0", x, 2)).relu()
    x = functional.max_pool2d(x, 3, 2, 1)
    half = x.shape[-1] // 2
    upper = torch.cat((quarter(1, x[..., :half, :half]), quarter(3, x[..., :half, half:])), 3)
    lower = torch.cat((quarter(2, x[..., half:, :half]), quarter(4, x[..., half:, half:])), 3)
    x = modulated(stage(2, 4, x)) + torch.cat((upper, lower), 2)
    x = stage(4, 4, stage(3, 8, x))
    return normed("conv5.1", conv("conv5.0", x)).relu().mean((2, 3))


def network_of(state: State, folder: Path, wrap: Callable[[State], object] = dict) -> EfficientFace:
    file = folder / "weights.pth.tar"
    torch.save(wrap(state), file)
    network = EfficientFace()
    network.load_state_dict(read_published(file, hash_of_file(file), network.state_dict()))
    return network


@pytest.mark.parametrize(("side", "training"), [(32, False), (96, False), (96, True)])
def test_pictures_are_described_as_the_published_network_does(
    side: int, training: bool, tmp_path: Path
) -> None:
    state = published_state()
    network = network_of(state, tmp_path).train(training)
    pictures = torch.rand(5, 3, side, side, generator=torch.Generator().manual_seed(1))
    found = network(pictures, torch.ones(5, dtype=torch.bool))
    expected = described(state, pictures, training=training)
    assert found.shape == (5, WIDTH)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())
    assert (expected.std(0) > 1e-3).any()  # pictures are told apart


def test_it_has_the_published_parameters_but_for_biases_before_norms() -> None:
    published = sum(
        tensor.numel()
        for name, tensor in published_state().items()
        if not name.endswith(("running_mean", "running_var", "tracked")) and "fc." not in name
    )
    assert published == 1_268_118
    assert sum(p.numel() for p in EfficientFace().parameters()) == published - 4 * 7


@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        lambda state: {"state_dict": {f"module.{name}": t for name, t in state.items()}},
        lambda state: {
            "epoch": 3,
            "state_dict": {f"module.visual_model.{name}": t for name, t in state.items()},
        },
    ],
    ids=["bare", "published", "in a recogniser"],
)
def test_weights_are_read_however_they_were_wrapped(
    wrap: Callable[[State], object], tmp_path: Path
) -> None:
    state = published_state()
    found = network_of(state, tmp_path, wrap).state_dict()
    file = tmp_path / "weights.safetensors"
    save_file(state, file)
    expected = read_published(file, hash_of_file(file), EfficientFace().state_dict())
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert torch.equal(found["stages.1.3.long.5.weight"], state["stage3.3.branch2.5.weight"])


def test_a_recogniser_s_training_begins_from_them(tmp_path: Path) -> None:
    file, state = tmp_path / "weights.pth", published_state()
    torch.save(state, file)
    weights = {"path": str(file), "sha256": hash_of_file(file)}
    model = ModelSettings(network="picture_fusion", sees=["crops"], weights=weights)
    resolved = resolve(model, TrainSettings(), ["video"])
    network = build(model, {"video": 16 * 16 * 3}, resolved.size, Task(), resolved.options)
    network.begin(file, weights["sha256"])
    assert torch.equal(network.pictures.last[0].weight, state["conv5.0.weight"])
    plans = [
        Plan(seen, resolved, ["a"], ["b"], "ccc", 0)
        for seen in (model, model.model_copy(update={"weights": None}))
    ]
    assert [plan.values()[-1] for plan in plans] == [weights["sha256"], None]


def _without(state: State, name: str) -> State:
    return {key: tensor for key, tensor in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: _without(s, "conv5.0.weight"), "has no conv5.0.weight"),
        (lambda s: s | {"conv1.1.bias": torch.zeros(30)}, r"conv1.1.bias has shape \(30,\)"),
        (lambda s: s | {"conv1.1.bias": torch.full((29,), torch.nan)}, "conv1.1.bias has values"),
        (lambda s: s | {"conv1.1.bias": "none"}, "conv1.1.bias is not a dense tensor"),
        (lambda s: [s], "holds no state dict"),
        (lambda s: s | {"recorder": Path("x")}, "is not a file of torch weights"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    change: Callable[[State], object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        network_of(published_state(), tmp_path, change)


def test_a_file_of_another_hash_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"something else")
    with pytest.raises(InputError, match="has sha256"):
        read_published(file, "0" * 64, {})


def test_padding_changes_nothing_in_training() -> None:
    torch.manual_seed(0)
    pictures, real = torch.rand(8, 3, 32, 32), torch.arange(8) < 5
    found = []
    for seen, mask in ((pictures[:5], real[:5]), (pictures, real)):
        torch.manual_seed(1)
        network = EfficientFace().train()
        answer = network(seen, mask)[:5]
        answer.square().sum().backward()
        found.append((answer, network))
    (alone, one), (padded, other) = found
    assert torch.allclose(padded, alone, atol=1e-4)
    buffers = dict(other.named_buffers())
    for name, buffer in one.named_buffers():
        assert torch.allclose(buffer, buffers[name], atol=1e-5), name
    gradient = other.first[0].weight.grad
    assert torch.allclose(gradient, one.first[0].weight.grad, rtol=1e-2, atol=1e-2)


def test_pictures_are_taken_a_few_at_a_time_outside_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = EfficientFace().eval()
    sizes: list[int] = []
    network.first.register_forward_hook(lambda _module, given, _out: sizes.append(len(given[0])))
    count = AT_A_TIME + 3
    with torch.inference_mode():
        network(torch.rand(count, 3, 16, 16), torch.ones(count, dtype=torch.bool))
    assert sizes == [AT_A_TIME, 3]
