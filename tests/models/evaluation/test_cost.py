"""Parameters and operations of networks, counted by hand."""

import torch
from torch import nn

from features.task import Task
from models.evaluation.cost import flop_per_second, parameters
from models.networks.plain import Plain


class Linear(nn.Module):
    """A map of each frame, 4 numbers to 2."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 2)

    def forward(self, inputs, _masks, _present):
        return self.map(inputs["audio"])


def test_a_linear_map_costs_two_operations_a_weight_and_frame() -> None:
    network = Plain(Linear(), {"audio": 4}, Task()).eval()
    assert parameters(network) == 4 * 2 + 2
    assert flop_per_second(network, 100) == 2 * 4 * 2 * 30
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.is_grad_enabled()
