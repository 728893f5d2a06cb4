from typing import Any

import pytest
import torch
from hypothesis import given, settings
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import cross_entropy

from features.task import Task
from models.networks.auxformer_equations import EquationLayer
from models.networks.build import build
from models.settings import AuxFormerOptions, Modality, ModelSettings, NetworkSize
from models.training.losses import total_loss
from tests.helpers.network_cases import (
    TASKS,
    Case,
    Clips,
    clips_of_any_length,
    labelled_batch,
    lengths_mask,
    masks_of,
    random_inputs,
)

BOTH: tuple[Modality, ...] = ("audio", "video")
PAPER = NetworkSize(dim=130, heads=10, ffn=520, layers=5)
CLASSES = Task(kind="classification", level="sequence", outputs=list("abcd"))
ENCODER = 1_022_710
SHARED = 232_334
LAMBDAS = [
    (0.20, 0.40, 0.40),
    (0.30, 0.35, 0.35),
    (0.33, 0.33, 0.33),
    (0.40, 0.30, 0.30),
    (0.50, 0.25, 0.25),
    (0.60, 0.20, 0.20),
    (0.70, 0.15, 0.15),
    (0.80, 0.10, 0.10),
    (0.00, 0.50, 0.50),
    (0.90, 0.00, 0.10),
    (0.90, 0.10, 0.00),
]
"""Table 4 of the paper: λ_va, λ_a, λ_v."""

VARIANTS: list[dict[str, Any]] = [
    {},
    {"auxiliary": False},
    {"positions": False},
    {"temporal": "none"},
    {"temporal": "lstm"},
    {"temporal": "gru"},
    {"pooling": "token"},
    {"pooling": "mean"},
    {"blocks": "equations"},
]
"""The architecture ablations of the paper's section 5.3."""

CALM = {"attention_dropout": 0.0, "output_dropout": 0.0}


def case(
    modalities: tuple[Modality, ...] = BOTH, presence: Any = "ignored", **options: Any
) -> Case:
    return Case("auxformer", modalities, tuple(options.items()), presence)


def parameters(modalities: tuple[Modality, ...] = BOTH, **options: Any) -> int:
    model = ModelSettings(network="auxformer", sees=list(modalities), options=options)
    widths = {"audio": 130, "video": 4096}
    network = build(model, {m: widths[m] for m in modalities}, PAPER, CLASSES)
    return sum(parameter.numel() for parameter in network.parameters())


def test_it_has_the_papers_size() -> None:
    assert parameters() == 7_054_748
    assert parameters(auxiliary=False) == 4_776_994


def test_one_modality_has_this_size() -> None:
    """The paper counts 4,364,354 and does not say of what; this is the natural reading."""
    networks = 2 * ENCODER + 5 + SHARED + 2 * 130 * 131 + 131 * 4
    assert parameters(("video",)) == networks + 4096 * 130 == 2_844_823
    assert parameters(("audio",)) == networks + 130 * 130 == 2_329_243


def test_ablations_have_these_sizes() -> None:
    scaled = ENCODER + 5
    assert parameters(positions=False) == parameters(pooling="mean") == 7_054_748
    assert parameters(pooling="token") == 7_054_748 + 2 * 130
    assert parameters(temporal="none") == 7_054_748 - 2 * scaled
    assert parameters(temporal="lstm") == 7_054_748 - 2 * (scaled - 4 * (2 * 130 * 130 + 2 * 130))
    assert parameters(temporal="gru") == 7_054_748 - 2 * (scaled - 3 * (2 * 130 * 130 + 2 * 130))


def test_a_layer_is_equations_2_to_4() -> None:
    torch.manual_seed(0)
    size = NetworkSize(dim=4, heads=1, ffn=8, layers=1, dropout=0.0)
    layer = EquationLayer(size, scaled=True).eval()
    x, queries = torch.randn(1, 5, 4), torch.randn(1, 5, 4)
    keys = torch.tensor([[True, True, True, False, False]])
    source, asking = layer.norm_attention(x), layer.norm_attention(queries)
    k, v = layer.attention.key_value(source[:, :3]).chunk(2, -1)
    shares = (layer.attention.query(asking) @ k.mT / 3**0.5).softmax(-1)
    z = layer.alpha * x + layer.beta * layer.attention.output(shares @ v)
    z = layer.norm(layer.alpha * z + layer.beta * layer.ffn(layer.norm_ffn(z)))
    assert torch.allclose(layer(x, keys, queries), z, atol=1e-6)


def test_the_equations_need_more_parameters_than_the_paper_counts() -> None:
    layers, norms = 2 * 5, 5 * (5 + 1)  # one scale more a layer; a norm a layer, not an encoder
    assert parameters(blocks="equations") == 7_054_748 + layers + (norms - 6) * 260 == 7_060_998


@pytest.mark.parametrize("task", ["frames", "classes"])
@pytest.mark.parametrize("modalities", [("audio",), BOTH], ids="+".join)
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_a_gradient_reaches_every_parameter(
    options: dict[str, Any], modalities: tuple[Modality, ...], task: str
) -> None:
    network, batch = case(modalities, **options).build(task), labelled_batch(task)
    outputs = network(batch.inputs(), masks_of(batch.mask), batch.received())
    total_loss(network, TASKS[task], outputs, batch).backward()
    without = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert without == []


@pytest.mark.parametrize("task", ["frames", "classes"])
@pytest.mark.parametrize("presence", ["ignored", "marked"])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
@settings(max_examples=6, deadline=None)
@given(clips=clips_of_any_length)
def test_padding_and_company_change_nothing(
    options: dict[str, Any], presence: str, task: str, clips: Clips
) -> None:
    network = case(presence=presence, **options).evaluated(task)
    together = network(clips.inputs, masks_of(clips.mask), clips.present)
    for clip, length in enumerate(clips.lengths):
        alone = network(*clips.alone(clip))
        frames = slice(length if task == "frames" else None)
        for ours, own in [
            (together.fused, alone.fused),
            *((together.auxiliary[m], alone.auxiliary[m]) for m in alone.auxiliary),
        ]:
            assert torch.allclose(ours[clip, frames], own[0], atol=1e-5)


def changes(network: Any, clip: int, frame: int) -> Tensor:
    """Which of the clips' outputs change, (clips,), if one frame of one clip does."""
    mask, x = lengths_mask([7, 4]), random_inputs(2, 7)
    expected = network(x, masks_of(mask)).fused
    x["audio"][clip, frame] += 1.0
    return (network(x, masks_of(mask)).fused != expected).any(-1).any(-1)


@pytest.mark.parametrize("clip", [0, 1])
def test_the_last_real_frame_stands_for_the_sequence(clip: int) -> None:
    """Without any layer that mixes frames, the others do not matter at all."""
    network = case(("audio",), temporal="none", auxiliary=False).evaluated("classes")
    last = (6, 3)[clip]
    expected = torch.arange(2) == clip
    assert torch.equal(changes(network, clip, last), expected)
    assert not any(changes(network, clip, frame).any() for frame in range(7) if frame != last)


def test_the_mean_of_the_real_frames_stands_for_the_sequence() -> None:
    network = case(("audio",), temporal="none", auxiliary=False, pooling="mean")
    assert all(changes(network.evaluated("classes"), 1, frame)[1] for frame in range(4))
    assert not changes(network.evaluated("classes"), 1, 4).any()


def test_a_token_in_front_stands_for_the_sequence() -> None:
    network = case(pooling="token").build("classes").eval()
    mask, x = lengths_mask([7, 4]), random_inputs(2, 7)
    seen: list[Tensor] = []
    for m in BOTH:
        network.temporal[m].register_forward_hook(lambda *call: seen.append(call[-1]))
    network.head.register_forward_hook(lambda *call: seen.append(call[1][0]))
    network(x, masks_of(mask))
    audio, video, joint = seen
    assert audio.shape == (2, 8, 16)
    assert torch.equal(joint, torch.cat((audio[:, :1], video[:, :1]), dim=-1))


def test_a_token_in_front_attends_to_the_tokens_of_a_modality_that_is_gone() -> None:
    network = case(pooling="token", presence="marked").build("classes").eval()
    mask, x = lengths_mask([7, 4]), random_inputs(2, 7)
    present = {"audio": mask, "video": torch.zeros_like(mask)}
    outputs = network(x, masks_of(mask), present).fused
    outputs.square().sum().backward()
    assert network.tokens["video"].grad.abs().sum() > 0
    other = {**x, "video": x["video"].flip(1)}
    assert torch.equal(outputs, network(other, masks_of(mask), present).fused)


def test_without_positions_the_order_of_frames_does_not_matter() -> None:
    mask, x = lengths_mask([7, 7]), random_inputs(2, 7)
    backwards = {m: values.flip(1) for m, values in x.items()}

    def equal(**options: Any) -> bool:
        network = case(pooling="mean", **options).evaluated("classes")
        return torch.allclose(
            network(x, masks_of(mask)).fused, network(backwards, masks_of(mask)).fused, atol=1e-5
        )

    assert equal(positions=False)
    assert not equal(positions=True)


@pytest.mark.parametrize("weights", LAMBDAS, ids=str)
def test_each_loss_has_its_weight(weights: tuple[float, float, float]) -> None:
    names = ("weight_fused", "weight_audio", "weight_video")
    options = dict(zip(names, weights, strict=True))
    network, batch = case(**options, **CALM).build("classes"), labelled_batch("classes")
    outputs = network(batch.inputs(), masks_of(batch.mask), batch.received())
    single = (outputs.fused, outputs.auxiliary["audio"], outputs.auxiliary["video"])
    labels = batch.labels[:, 0].argmax(-1)
    expected = sum(
        weight * cross_entropy(own[:, 0], labels)
        for weight, own in zip(weights, single, strict=True)
    )
    assert torch.allclose(total_loss(network, TASKS["classes"], outputs, batch), expected)


@pytest.mark.parametrize("modalities", [("audio",), ("video",), BOTH], ids="+".join)
def test_losses_weigh_the_same_unless_told(modalities: tuple[Modality, ...]) -> None:
    network = case(modalities).build("classes")
    assert network.loss_weights == dict.fromkeys(modalities, network.fused_weight)


def test_baseline_1_has_one_loss() -> None:
    network = case(auxiliary=False).build("classes")
    assert (network.fused_weight, network.loss_weights) == (1.0, {})


@pytest.mark.parametrize("modalities", [("video",), BOTH], ids="+".join)
def test_evaluation_averages_all_networks(modalities: tuple[Modality, ...]) -> None:
    network = case(modalities, **CALM).build("classes")
    mask, x = lengths_mask([7, 4]), random_inputs(2, 7)
    training = network(x, masks_of(mask))
    every = torch.stack([training.fused, *training.auxiliary.values()])
    assert len(every) == len(modalities) + 1
    assert torch.allclose(network.eval()(x, masks_of(mask)).fused, every.mean(0), atol=1e-6)


@pytest.mark.parametrize("task", ["frames", "classes"])
@pytest.mark.parametrize("pooling", ["last", "token"])
def test_what_is_gone_is_left_out_of_the_average(pooling: str, task: str) -> None:
    network = case(presence="marked", pooling=pooling, **CALM).build(task)
    mask, x = lengths_mask([7, 4, 5, 6]), random_inputs(4, 7)
    present = {m: mask.clone() for m in BOTH}
    present["audio"][[1, 3]] = False
    present["video"][[2, 3]] = False
    present["video"][0, 1:] = False  # a single frame is enough
    fused, auxiliary, gone, _ = network(x, masks_of(mask), present)
    assert gone["audio"].tolist() == [False, True, False, True]
    assert gone["video"].tolist() == [False, False, True, True]
    audio, video = auxiliary["audio"], auxiliary["video"]
    found = network.eval()(x, masks_of(mask), present).fused
    for clip, said in enumerate([(fused, audio, video), (fused, video), (fused, audio), (fused,)]):
        expected = torch.stack([own[clip] for own in said]).mean(0)
        assert torch.allclose(found[clip], network.range(expected), atol=1e-6)


def test_an_auxiliary_network_learns_nothing_from_what_is_gone() -> None:
    network, batch = case(presence="marked").build("classes"), labelled_batch("classes")
    nowhere = {m: torch.zeros_like(batch.mask) for m in BOTH}
    outputs = network(batch.inputs(), masks_of(batch.mask), nowhere)
    total_loss(network, TASKS["classes"], outputs, batch).backward()
    assert all(not p.grad.any() for p in network.auxiliary.parameters())
    assert network.head.output.weight.grad.any()


def test_with_presence_ignored_nothing_is_gone() -> None:
    network, mask, x = case().evaluated("classes"), lengths_mask([7, 4]), random_inputs(2, 7)
    outputs = network(x, masks_of(mask), {m: torch.zeros_like(mask) for m in BOTH})
    assert not any(gone.any() for gone in outputs.gone.values())


def test_an_auxiliary_network_sees_one_modality() -> None:
    network, mask, x = case().evaluated("classes"), lengths_mask([7, 4]), random_inputs(2, 7)
    before = network(x, masks_of(mask))
    after = network({**x, "video": x["video"].flip(1)}, masks_of(mask))
    assert torch.equal(before.auxiliary["audio"], after.auxiliary["audio"])
    assert not torch.equal(before.auxiliary["video"], after.auxiliary["video"])


def test_auxiliary_networks_share_their_dense_layers() -> None:
    network = case(**CALM).build("classes")
    mask, x = lengths_mask([7, 4]), random_inputs(2, 7)
    before = network(x, masks_of(mask))
    torch.nn.init.zeros_(network.shared.output.weight)
    after = network(x, masks_of(mask))
    for m in BOTH:
        assert torch.equal(after.auxiliary[m], network.shared.output.bias.expand(2, 1, 4))
    assert torch.equal(before.fused, after.fused)


@pytest.mark.parametrize("option", ["attention_dropout", "output_dropout"])
def test_each_dropout_is_used_in_training_alone(option: str) -> None:
    network = case(**{**CALM, option: 0.5}).build()
    mask, x = lengths_mask([7, 4]), random_inputs(2, 7)
    assert not torch.equal(network(x, masks_of(mask)).fused, network(x, masks_of(mask)).fused)
    network.eval()
    assert torch.equal(network(x, masks_of(mask)).fused, network(x, masks_of(mask)).fused)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"auxiliary": False, "weight_audio": 0.4}, "weight_audio is given, but without auxiliary"),
        (dict.fromkeys(("weight_fused", "weight_audio", "weight_video"), 0.0), "weights are 0"),
        ({"pooling": "token", "temporal": "gru"}, "with temporal gru a token in front"),
        ({"weight_video": -0.1}, "weight_video"),
        ({"attention_dropout": 1.0}, "attention_dropout"),
        ({"pooling": "max"}, "pooling"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        AuxFormerOptions(**options)
