from pathlib import Path

import torch

from models.recogniser import parameters_of, save_weights


def test_what_is_learnt_is_counted_from_the_header(tmp_path: Path) -> None:
    weights = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).state_dict()
    save_weights(tmp_path, dict(weights))
    assert parameters_of(tmp_path) == 3 * 4 + 4 + 2 * 4
    assert parameters_of(tmp_path / "nothing") == 0
