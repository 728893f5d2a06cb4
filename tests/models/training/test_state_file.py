import numpy as np
import pytest
import torch

from models.training.state_file import DamagedStateError, read_state, write_state

STATE = {
    "weights": {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3, dtype=torch.int64)},
    "steps": {0: {"step": torch.tensor(2.0)}, 1: {}},
    "betas": (0.9, 0.999),
    "losses": [0.1, float("nan"), float("inf")],
    "nothing": None,
}


def test_a_state_comes_back_as_it_was(tmp_path):
    write_state(tmp_path / "folder/a.state", STATE)
    state = read_state(tmp_path / "folder/a.state")
    assert repr(state) == repr(STATE)
    assert state["steps"][0]["step"].dtype == torch.float32
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a.state"]


def test_no_flipped_bit_and_no_cut_is_used(tmp_path):
    path, generator = tmp_path / "a.state", np.random.default_rng(0)
    write_state(path, STATE)
    whole = path.read_bytes()
    for at in generator.integers(0, 8 * len(whole), 60):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        path.write_bytes(damaged)
        with pytest.raises(DamagedStateError, match="is damaged"):
            read_state(path)
    for length in (0, 31, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedStateError):
            read_state(path)


def test_what_cannot_be_written_leaves_what_was(tmp_path):
    write_state(tmp_path / "a.state", STATE)
    with pytest.raises(TypeError):
        write_state(tmp_path / "a.state", {"function": print})
    assert read_state(tmp_path / "a.state")["nothing"] is None
    assert len(list(tmp_path.iterdir())) == 1
