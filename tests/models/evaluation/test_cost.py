"""Parameters and operations of networks, counted by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from features.task import Task
from models.evaluation.cost import Length, cost_table, flop_per_second, parameters
from models.networks.plain import Plain
from models.training.data import ClipData
from tests.helpers.planted import planted_stores


class Linear(nn.Module):
    """A map of each frame, 4 numbers to 2."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 2)

    def forward(self, inputs, _masks, _present):
        return self.map(inputs["audio"])


class Recurrent(nn.Module):
    """An LSTM of 4 numbers to 2."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(4, 2, batch_first=True)

    def forward(self, inputs, _masks, _present):
        return self.cell(inputs["audio"])[0]


def test_a_linear_map_costs_two_operations_a_weight_and_step() -> None:
    network = Plain(Linear(), {"audio": 4}, Task()).eval()
    assert parameters(network) == 4 * 2 + 2
    assert flop_per_second(network, Length({"audio": 100}, 4.0)) == 2 * 4 * 2 * 25
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.is_grad_enabled()


def test_a_recurrent_cell_is_counted_though_it_has_a_kernel_of_its_own() -> None:
    network = Plain(Recurrent(), {"audio": 4}, Task()).eval()
    four_gates = 2 * 4 * (4 * 2 + 2 * 2)
    assert flop_per_second(network, Length({"audio": 50}, 1.0)) == four_gates * 50


def test_the_row_of_a_result_says_at_what_rates_operations_are_told(tmp_path: Path) -> None:
    stores = planted_stores(tmp_path, items=2, frames=30, clip_frames=20)
    data = ClipData(*stores, ["item-0", "item-1"], preload_bytes=1 << 30)
    width = data.features["audio"]
    network = Plain(Wide(width), data.features, data.task).eval()
    (row,) = cost_table(network, data).to_dict("records")
    step = np.median(np.diff(data.item_array("item-0", "times")))
    assert (row["audio_steps"], row["video_steps"]) == (20, 20)
    assert row["seconds"] == pytest.approx(20 * step)
    assert row["flop_per_second"] == pytest.approx(2 * width * 2 / step)
    assert row["parameters"] == width * 2 + 2


class Wide(Linear):
    """A map of each frame of a width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.map = nn.Linear(width, 2)
