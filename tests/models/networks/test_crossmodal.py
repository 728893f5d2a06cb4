import torch

from features.task import Task
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.networks.stream import Stream
from models.settings import ModelSettings, NetworkSize
from tests.helpers.network_cases import FEATURES, Case, lengths_mask, masks_of, random_inputs

BOTH = ("audio", "video")


def trainable(network: Recogniser) -> int:
    return sum(p.numel() for p in network.parameters())


def test_it_has_the_papers_size() -> None:
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
    assert trainable(model) == expected
    assert round(trainable(model) / 1e6, 1) == 12.5


def test_presence_adds_a_token_for_each_modality() -> None:
    plain, marked = Case("crossmodal", BOTH), Case("crossmodal", BOTH, presence="marked")
    assert trainable(marked.build()) - trainable(plain.build()) == 2 * 16


def test_a_modality_left_alone_speaks_through_its_own_head() -> None:
    options = (("auxiliary", 0.5), ("alone", "auxiliary"))
    network = Case("crossmodal", BOTH, options, "marked").evaluated()
    x, mask = random_inputs(4, 6), lengths_mask([6, 6, 6, 6])
    present = {m: mask.clone() for m in FEATURES}
    present["video"][[1, 3]] = False
    present["audio"][[2, 3]] = False
    fused, auxiliary, gone, _ = network(x, masks_of(mask), present)
    assert gone["video"].tolist() == [False, True, False, True]
    assert gone["audio"].tolist() == [False, False, True, True]
    usual = Case("crossmodal", BOTH, (("auxiliary", 0.5),), "marked").evaluated()
    expected = usual(
        x, masks_of(mask), present
    ).fused.clone()  # clips 0 and 3: both or neither there
    expected[1], expected[2] = auxiliary["audio"][1], auxiliary["video"][2]
    expected = network.range(expected)
    assert torch.allclose(fused, expected, atol=1e-6)
    assert not torch.allclose(usual(x, masks_of(mask), present).fused, expected, atol=1e-3)


def test_what_was_made_of_other_contents_is_not_kept() -> None:
    network = Case("crossmodal", BOTH).evaluated()
    x, mask = random_inputs(2, 4)["audio"], lengths_mask([4, 3])
    received = network.show("audio", network.project("audio", x), mask, mask)
    encoded = network.encode("audio", received)
    held = encoded.holding(2 * encoded.x)
    assert type(held) is Stream
    assert torch.equal(held.x, 2 * encoded.x)
    assert torch.equal(held.keys, encoded.keys)
