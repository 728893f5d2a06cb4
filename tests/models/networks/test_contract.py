"""The public contract of networks: it passes those that keep it and finds each way to break it."""

import pytest
import torch
from torch import Tensor, nn

from models.networks import contract
from models.networks.plain import Plain
from models.settings import Options
from tests.helpers.network_cases import FORMS, Case


class Good(nn.Module):
    """Keeps the contract, and knows nothing of missing data."""

    def __init__(self, features: dict[str, int], outputs: int, level: str) -> None:
        super().__init__()
        self.level = level
        self.hidden = nn.Linear(sum(features.values()), 8)
        self.head = nn.Linear(8, outputs)

    def pooled(self, x: Tensor, mask: Tensor) -> Tensor:
        real = mask.unsqueeze(-1).float()
        return (x * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)

    def forward(self, inputs: dict, masks: dict, present: dict) -> Tensor:  # noqa: ARG002
        hidden = self.hidden(torch.cat(list(inputs.values()), -1)).tanh()
        if self.level == "sequence":
            hidden = self.pooled(hidden, next(iter(masks.values())))
        return self.head(hidden)


class SeesPadding(Good):
    def pooled(self, x: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        return x.mean(1, keepdim=True)


class SeesCompany(Good):
    def forward(self, inputs: dict, masks: dict, present: dict) -> Tensor:
        outputs = super().forward(inputs, masks, present)
        return outputs + len(next(iter(masks.values())))


class HasMore(Good):
    def __init__(self, features: dict[str, int], outputs: int, level: str) -> None:
        super().__init__(features, outputs, level)
        self.unused = nn.Linear(2, 2)


class OneTooMany(Good):
    def forward(self, inputs: dict, masks: dict, present: dict) -> Tensor:
        return super().forward(inputs, masks, present).repeat(1, 2, 1)


class Divides(Good):
    def forward(self, inputs: dict, masks: dict, present: dict) -> Tensor:
        return super().forward(inputs, masks, present) / 0


class Stops(Good):
    def forward(self, inputs: dict, masks: dict, present: dict) -> Tensor:  # noqa: ARG002
        raise KeyError("smell")


def sentences(network: type, task: str) -> list[str]:
    described = contract.TASKS[task]
    plain = Plain.of(network, dict(contract.FEATURES), Options(), described)
    return list(contract.broken(plain, len(described.outputs)))


@pytest.mark.parametrize("task", contract.TASKS)
def test_a_network_that_keeps_it_has_nothing_said_of_it(task: str) -> None:
    assert sentences(Good, task) == []


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (SeesPadding, "padding changes its outputs"),
        (SeesCompany, "depend on the others of its batch"),
        (HasMore, "no gradient reaches unused.weight, unused.bias"),
        (OneTooMany, "OneTooMany returns"),
        (Divides, "not finite"),
        (Stops, "it stops with KeyError: 'smell'"),
    ],
)
def test_each_way_to_break_it_is_a_sentence(network: type, said: str) -> None:
    found = sentences(network, "dimensions")
    assert any(said in sentence for sentence in found), found
    assert all("\n" not in sentence for sentence in found)


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_networks_of_this_package_keep_it(case: Case) -> None:
    for name in ("frames", "classes"):
        network = case.build(name)
        outputs = 2 if name == "frames" else 4
        assert list(contract.broken(network, outputs)) == []
