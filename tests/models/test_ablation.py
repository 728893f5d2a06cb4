import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.ablation import draw
from models.draws import stream
from models.settings import Ablation

CLIPS, FRAMES = 60, 100


def batch(clips: int = CLIPS, frames: int = FRAMES) -> dict[str, torch.Tensor]:
    return {
        "item": torch.tensor([stream(f"item-{i}") for i in range(clips)]),
        "first": torch.arange(clips) * frames,
        "mask": torch.ones(clips, frames, dtype=torch.bool),
    }


def shown(ablation: Ablation, x: torch.Tensor, key: tuple = (0, "test"), **where) -> torch.Tensor:
    frame_map = draw(ablation, "video", key=key, **(where or batch()))
    assert frame_map is not None
    return frame_map.apply(x)


@pytest.fixture
def ramp() -> torch.Tensor:
    """Frame t holds t + 1 in all features, so that what is shown tells where it came from."""
    return (torch.arange(FRAMES) + 1.0)[None, :, None].expand(CLIPS, FRAMES, 3).contiguous()


@pytest.mark.parametrize("p", [0.0, 0.3, 0.95, 1.0])
def test_frame_zero_reaches_its_rate(ramp: torch.Tensor, p: float) -> None:
    out = shown(Ablation(strategy="frame_zero", p=p), ramp)
    lost = (out == 0).all(-1)
    error = 4 * np.sqrt(p * (1 - p) / lost.numel())
    assert abs(lost.float().mean().item() - p) <= error
    assert torch.equal(out[~lost], ramp[~lost])


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_clip_zero_takes_whole_clips_at_its_rate(ramp: torch.Tensor, p: float) -> None:
    rates = []
    for trial in range(20):
        lost = (shown(Ablation(strategy="clip_zero", p=p), ramp, (trial,)) == 0).all(-1)
        assert torch.equal(lost.any(1), lost.all(1))
        rates.append(lost[:, 0].float().mean().item())
    assert abs(np.mean(rates) - p) <= 4 * np.sqrt(p * (1 - p) / (20 * CLIPS))


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_frame_repeat_shows_the_last_frame_received(ramp: torch.Tensor, p: float) -> None:
    out = shown(Ablation(strategy="frame_repeat", p=p), ramp)[..., 0]
    assert torch.equal(out[:, 0], ramp[:, 0, 0])
    repeated = out[:, 1:] != ramp[:, 1:, 0]
    assert torch.equal(out[:, 1:][repeated], out[:, :-1][repeated])
    error = 4 * np.sqrt(p * (1 - p) / repeated.numel())
    assert abs(repeated.float().mean().item() - p) <= error


def test_frame_repeat_with_certainty_repeats_the_first_frame(ramp: torch.Tensor) -> None:
    out = shown(Ablation(strategy="frame_repeat", p=1.0), ramp)
    assert torch.equal(out, ramp[:, :1].expand_as(ramp))


@pytest.mark.parametrize("strategy", ["none", "clip_zero", "frame_zero", "frame_repeat"])
def test_the_other_modality_is_left_alone(strategy: str) -> None:
    ablation = Ablation(strategy=strategy, modality="video", p=1.0)
    assert draw(ablation, "audio", key=(0,), **batch()) is None
    assert (draw(ablation, "video", key=(0,), **batch()) is None) == (strategy == "none")


def test_both_modalities_lose_independently() -> None:
    ablation = Ablation(strategy="frame_zero", modality="both", p=0.5)
    audio, video = (draw(ablation, m, key=(0,), **batch()).zero for m in ("audio", "video"))
    assert abs((audio & video).float().mean().item() - 0.25) < 0.03


@given(
    p=st.floats(0, 1),
    strategy=st.sampled_from(["clip_zero", "frame_zero", "frame_repeat"]),
    cut=st.integers(1, 5),
    real=st.integers(1, 12),
)
def test_equal_on_any_batch_split_and_padding_is_left_alone(
    p: float, strategy: str, cut: int, real: int
) -> None:
    where = batch(6, 12)
    where["mask"][3:, real:] = False
    x = torch.randn(6, 12, 2, generator=torch.Generator().manual_seed(0))
    ablation = Ablation(strategy=strategy, p=p)
    whole = shown(ablation, x, **where)
    parts = [
        shown(ablation, x[part], **{k: v[part] for k, v in where.items()})
        for part in (slice(0, cut), slice(cut, None))
    ]
    assert torch.equal(whole, torch.cat(parts))
    if strategy != "frame_repeat":
        assert torch.equal(whole[3:, real:], x[3:, real:])
    if p == 0:
        assert torch.equal(whole, x)


def test_a_linear_map_commutes_with_the_operator() -> None:
    linear = torch.nn.Linear(7, 4)
    x, where = torch.randn(5, 30, 7), batch(5, 30)
    for strategy in ("clip_zero", "frame_zero", "frame_repeat"):
        frame_map = draw(Ablation(strategy=strategy), "video", key=(1,), **where)
        assert frame_map is not None
        after = frame_map.apply(linear(x), nothing=linear.bias)
        assert torch.allclose(linear(frame_map.apply(x)), after, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_draws_are_equal_on_the_gpu() -> None:
    where = batch()
    ablation = Ablation(strategy="frame_zero", p=0.5)
    on_cpu = draw(ablation, "video", key=(0,), **where)
    on_gpu = draw(ablation, "video", key=(0,), **{k: v.cuda() for k, v in where.items()})
    assert torch.equal(on_cpu.zero, on_gpu.zero.cpu())
