import pytest
import torch
from torch import nn

from features.task import Task
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.settings import Modality, ModelSettings, NetworkSize
from tests.helpers import network_cases
from tests.helpers.network_cases import Case, lengths_mask, masks_of, random_inputs

PAPER = NetworkSize(dim=128, ffn=4096, layers=2)
FEATURES: dict[Modality, int] = {"audio": 3900, "video": 4096}
BOTH: tuple[Modality, ...] = ("audio", "video")
STATIC = (("dynamic", False),)


def of_paper_d(
    network: str, modalities: list[Modality], size: NetworkSize = PAPER, **options: bool
) -> Recogniser:
    settings = ModelSettings(network=network, sees=list(modalities), options=dict(options))
    return build(settings, {m: FEATURES[m] for m in modalities}, size, Task())


def trainable(network: Recogniser) -> int:
    return sum(p.numel() for p in network.parameters())


def gru(inputs: int, units: int) -> int:
    return 3 * (inputs * units + units * units + 2 * units)


def test_recurrent_networks_have_the_papers_layers() -> None:
    dense = 128 * 2 + 2
    audio, video = (gru(n, 128) + gru(128, 128) for n in FEATURES.values())
    assert trainable(of_paper_d("recurrent", ["audio"])) == audio + dense == 1_646_850
    assert trainable(of_paper_d("recurrent", ["video"])) == video + dense == 1_722_114
    fused = gru(256, 128) + gru(128, 128)
    assert (
        trainable(of_paper_d("recurrent", list(BOTH))) == audio + video + fused + dense == 3_616_002
    )


@pytest.mark.parametrize("units", [2000, 4096])
def test_affwildnets_have_the_papers_layers(units: int) -> None:
    size = PAPER.model_copy(update={"ffn": units})
    connected = 4096 * units + units
    static = of_paper_d("affwildnet", ["video"], size, dynamic=False)
    assert trainable(static) == connected + 2 * units + 2
    dynamic = of_paper_d("affwildnet", ["video"], size)
    assert trainable(dynamic) == connected + gru(units, 128) + gru(128, 128) + 2 * 128 + 2
    assert (trainable(dynamic) == 18_503_426) == (units == 4096)


def test_recurrent_is_torchs_gru_and_a_dense_layer() -> None:
    network, x = Case("recurrent", ("video",)).evaluated(), random_inputs(2, 6)
    reference = nn.GRU(network_cases.FEATURES["video"], 16, 2, batch_first=True)
    reference.load_state_dict(network.branches["video"].layers.state_dict())
    expected = network.head(reference(x["video"])[0])
    found = network(x, masks_of(lengths_mask([6, 6]))).fused
    assert torch.allclose(found, expected, atol=1e-6)


def test_affwildnet_connects_the_concatenated_features() -> None:
    network, x = Case("affwildnet", BOTH, STATIC).evaluated(), random_inputs(2, 6)
    audio, video = (network.connected[m] for m in BOTH)
    whole = nn.Linear(50, 24)
    whole.weight = nn.Parameter(torch.cat((audio.weight, video.weight), dim=1))
    whole.bias = nn.Parameter(audio.bias.detach())
    expected = network.head(whole(torch.cat((x["audio"], x["video"]), dim=-1)).relu())
    assert video.bias is None
    assert torch.allclose(network(x, masks_of(lengths_mask([6, 6]))).fused, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "changed"),
    [
        (Case("recurrent", ("audio",)), [4, 5, 6, 7]),
        (Case("recurrent", BOTH), [4, 5, 6, 7]),
        (Case("affwildnet", BOTH), [4, 5, 6, 7]),
        (Case("affwildnet", BOTH, STATIC), [4]),
    ],
    ids=str,
)
def test_a_frame_changes_only_what_follows(case: Case, changed: list[int]) -> None:
    network, mask, x = case.evaluated(), lengths_mask([8]), random_inputs(1, 8)
    before = network(x, masks_of(mask)).fused
    other = {m: v.clone() for m, v in x.items()}
    for v in other.values():
        v[:, 4] += 3
    differs = (network(other, masks_of(mask)).fused != before).any(-1)[0]
    assert differs.nonzero().flatten().tolist() == changed


@pytest.mark.parametrize("name", ["recurrent", "affwildnet"])
def test_a_sequence_is_the_mean_of_its_frames(name: str) -> None:
    frames, sequence = Case(name, BOTH).build("frames").eval(), Case(name, BOTH).build("classes")
    sequence.head = frames.head
    x, mask = random_inputs(2, 6), lengths_mask([6, 3])
    of_frames, of_sequence = frames(x, masks_of(mask)).fused, sequence(x, masks_of(mask)).fused
    for clip, length in enumerate((6, 3)):
        mean = of_frames[clip, :length].mean(0)
        assert torch.allclose(of_sequence[clip, 0], mean, atol=1e-6)


@pytest.mark.parametrize(
    "case", [Case("recurrent", BOTH), Case("affwildnet", BOTH), Case("affwildnet", BOTH, STATIC)]
)
def test_dropout_is_between_the_layers(case: Case) -> None:
    settings = ModelSettings(network=case.network, sees=list(BOTH), options=dict(case.options))
    torch.manual_seed(0)
    size = NetworkSize(dim=16, ffn=24, layers=1, dropout=0.5)
    network = build(settings, network_cases.FEATURES, size, Task())
    x, mask = random_inputs(2, 6), lengths_mask([6, 6])
    assert not torch.equal(
        network.train()(x, masks_of(mask)).fused, network(x, masks_of(mask)).fused
    )
    assert torch.equal(network.eval()(x, masks_of(mask)).fused, network(x, masks_of(mask)).fused)


def test_presence_is_refused_where_there_is_no_attention() -> None:
    with pytest.raises(ValueError, match="network recurrent can only have it ignored"):
        ModelSettings(network="recurrent", presence="marked")


@pytest.mark.parametrize("network", ["recurrent", "affwildnet"])
def test_half_precision_goes_through_the_recurrent_layers(network: str) -> None:
    model, x, mask = Case(network, BOTH).build(), random_inputs(2, 6), lengths_mask([6, 6])
    with torch.autocast("cpu", torch.bfloat16):
        outputs = model(x, masks_of(mask)).fused
    outputs.float().sum().backward()
    assert torch.allclose(outputs.float(), model(x, masks_of(mask)).fused, atol=0.05)
