"""Strategies that share losses out among samples, and what is shown in place of a frame."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from models.ablation.frame_map import FrameMap
from models.ablation.operators import Draws
from models.ablation.strategies import copies, draw, filling
from models.settings import MODALITIES, Ablation, Share
from models.settings.ablation import Mixture
from models.training.batch import Batch
from models.training.data import ClipData
from tests.helpers.losses import draws_of, some
from tests.helpers.planted import DESCRIPTORS, FC6, STEPS, planted_stores

ALPHA = 0.001
OPTIMIZED = Ablation(strategy="optimized")


def both(ablation: Ablation, draws: Draws) -> tuple[FrameMap, FrameMap]:
    """The maps of sound and picture."""
    audio, video = (draw(ablation, m, draws) for m in MODALITIES)
    assert audio is not None
    assert video is not None
    return audio, video


# ------------------------------------------------------------------ optimized


@pytest.mark.parametrize(
    ("clips", "fifth"), [(1, 0), (2, 0), (3, 1), (5, 1), (8, 2), (13, 3), (32, 6), (100, 20)]
)
def test_a_fifth_of_each_batch_loses_sound_and_a_fifth_picture(clips: int, fifth: int) -> None:
    for trial in range(5):
        draws = draws_of(clips, 6, key=(trial,), lengths=[6] * (clips - 1) + [4])
        sound, picture = (m.empty for m in both(OPTIMIZED, draws))
        assert sound.any(1).sum() == picture.any(1).sum() == fifth
        assert not (sound.any(1) & picture.any(1)).any()
        for lost in (sound, picture):
            assert torch.equal(lost, lost.any(1, keepdim=True) & draws.mask)


def test_the_groups_of_optimized_are_drawn_anew_and_depend_on_the_batch_but_not_its_order() -> None:
    counts = np.zeros(20)
    for trial in range(400):
        counts += both(OPTIMIZED, draws_of(20, 1, key=(trial,)))[0].empty[:, 0].numpy()
    assert stats.chisquare(counts).pvalue > ALPHA
    draws, order = draws_of(20, 3), torch.arange(19, -1, -1)
    mixed_up = both(OPTIMIZED, some(draws, order))
    for here, there in zip(both(OPTIMIZED, draws), mixed_up, strict=True):
        assert torch.equal(here.empty[order], there.empty)
    part = both(OPTIMIZED, some(draws, torch.arange(5)))[0]
    assert part.empty.any(1).sum() == 1


# ------------------------------------------------------------------ modality_dropout


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    """Eight clips of 25 frames, or 10, with faces and sounds missing at random."""
    stores = planted_stores(
        tmp_path_factory.mktemp("s"), items=4, frames=35, clip_frames=25, missing=0.2, blank=True
    )
    return ClipData(*stores, [f"item-{i}" for i in range(4)], preload_bytes=0)


@pytest.fixture
def batch(data: ClipData) -> Batch:
    return data.batch(range(8))


@pytest.mark.parametrize(("fill", "count"), [("hard", 3), ("noise", 3), ("soft", 4)])
def test_every_copy_of_a_sample_loses_something_else(batch: Batch, fill: str, count: int) -> None:
    ablation = Ablation(strategy="modality_dropout", fill=fill)
    assert copies(ablation) == count
    draws = batch.repeated(count).draws(0)
    audio, video = both(ablation, draws)
    for frame_map, gone in ((audio, 1), (video, 2)):
        lost = frame_map.empty.unflatten(0, (count, 8))
        for copy in range(count):
            assert torch.equal(lost[copy], batch.mask & (copy == gone))
        assert frame_map.filling == ("noise" if fill == "noise" else "zero")
        assert torch.equal(frame_map.source, draws.index)
    if fill != "soft":
        assert audio.gain is video.gain is None


def test_soft_copies_share_one_out_between_sound_and_picture() -> None:
    one = draws_of(2000, 1)
    draws = some(one, torch.arange(2000).repeat(4))
    audio, video = both(Ablation(strategy="modality_dropout", fill="soft"), draws)
    sound, picture = (m.gain.flatten() for m in (audio, video))
    assert torch.equal(sound + picture, torch.tensor([2.0] * 6000 + [1.0] * 2000).double())
    assert (sound[:6000] == 1).all()
    assert stats.kstest(sound[6000:].numpy(), "uniform").pvalue > ALPHA


@pytest.mark.parametrize("strategy", ["none", "clip_zero", "optimized", "mixed"])
def test_other_strategies_make_no_copies(strategy: str) -> None:
    assert copies(Ablation(strategy=strategy)) == 1


# ------------------------------------------------------------------ mixed


def test_mixed_gives_samples_their_shares() -> None:
    # Half of the frames, in bursts of two: every sample that is to lose some does.
    p = Share(low=0.5, high=0.501)
    mixture = Mixture(intact=0.25, video=0.5, clips=0.2, gains=0.35, p=p)
    draws = draws_of(6000, 60)
    audio, video = both(Ablation(strategy="mixed", mixture=mixture, burst=2.1), draws)
    sound, picture = ((m.empty | (m.source != draws.index)).any(1) for m in (audio, video))
    assert not (sound & picture).any()
    observed = [int(group.sum()) for group in (~(sound | picture), picture, sound)]
    assert stats.chisquare(observed, [1500, 3000, 1500]).pvalue > ALPHA
    for frame_map, loses in ((audio, sound), (video, picture)):
        whole = frame_map.empty.all(1)
        assert stats.binomtest(int(whole.sum()), int(loses.sum()), 0.2).pvalue > ALPHA
    scaled = (audio.gain != 1).flatten()
    assert stats.binomtest(int(scaled.sum()), 6000, mixture.gains).pvalue > ALPHA
    assert torch.equal(scaled, (video.gain != 1).flatten())
    both_gains = (audio.gain + video.gain).flatten()
    assert torch.equal(both_gains, torch.where(scaled, 1.0, 2.0).double())
    assert stats.kstest(audio.gain.flatten()[scaled].numpy(), "uniform").pvalue > ALPHA


@pytest.mark.parametrize(
    ("mixture", "sound", "picture"),
    [
        ({"intact": 1.0, "video": 0.0}, 0, 0),
        ({"intact": 0.0, "video": 1.0}, 0, 1),
        ({"intact": 0.0, "video": 0.0}, 1, 0),
        ({"intact": 0.3, "video": 0.5}, 0.2, 0.5),
    ],
)
def test_shares_of_whole_clips_are_exact(mixture: dict, sound: float, picture: float) -> None:
    chosen = Mixture(clips=1.0, gains=0.0, **mixture)
    maps = both(Ablation(strategy="mixed", mixture=chosen), draws_of(4000, 5))
    for frame_map, share in zip(maps, (sound, picture), strict=True):
        lost = frame_map.empty
        assert torch.equal(lost.any(1), lost.all(1))
        assert stats.binomtest(int(lost[:, 0].sum()), 4000, share).pvalue > ALPHA
        assert (frame_map.gain == 1).all()


def test_the_other_losses_of_mixed_are_of_four_kinds_as_often() -> None:
    mixture = Mixture(intact=0.0, video=1.0, clips=0.0, p=Share(low=0.5, high=0.500001))
    draws = draws_of(1600, 200)
    _, video = both(Ablation(strategy="mixed", mixture=mixture, burst=20.0), draws)
    repeated = (video.source != draws.index).any(1)
    assert not (repeated & video.empty.any(1)).any()
    ways = {"repeated": 0, "run": 0, "bursts": 0, "single": 0}
    for clip in range(1600):
        if repeated[clip]:
            ways["repeated"] += 1
            continue
        lost = video.empty[clip]
        change = int((lost[1:] != lost[:-1]).sum())
        if change <= 2 and lost.sum() == 100:
            ways["run"] += 1
        elif change > 50:
            ways["single"] += 1  # some 100 changes; bursts of 20 make some 10
        else:
            ways["bursts"] += 1
    assert stats.chisquare(list(ways.values())).pvalue > ALPHA


def test_the_share_kept_of_mixed_is_log_uniform() -> None:
    mixture = Mixture(intact=0.0, video=1.0, clips=0.0)
    # Bursts as short as can be, so that what is lost in one run is a subclip.
    _, video = both(Ablation(strategy="mixed", mixture=mixture, burst=1.0), draws_of(1500, 1000))
    lost = video.empty.sum(1)
    changes = (video.empty[:, 1:] != video.empty[:, :-1]).sum(1)
    lost = lost[(changes <= 2) & (lost > 15)].numpy()
    # Numbers of frames are rounded: spread each over the shares that lead to it.
    kept = 1 - (lost + np.random.default_rng(0).random(len(lost)) - 0.5) / 1000
    low, high = 0.1, 0.98
    kept = kept[(kept > low) & (kept < high)]
    assert len(kept) > 100
    assert stats.kstest(kept, stats.loguniform(low, high).cdf).pvalue > ALPHA


# ------------------------------------------------------------------ what is shown


def test_noise_is_standard_normal_and_nobody_knows(batch: Batch) -> None:
    key = (0, "train", 1)
    ablation = Ablation(strategy="noise", modality="both", p=0.5)
    received = batch.received()
    for modality, frame_map in zip(MODALITIES, both(ablation, batch.draws(*key)), strict=True):
        lost = frame_map.empty.any(1)
        assert 0 < lost.sum() < 8
        noise = filling(frame_map, modality, batch, key)
        assert noise is not None
        assert not noise[~lost].any()
        x = batch.inputs()[modality]
        shown = frame_map.apply(x, noise)
        assert stats.kstest(shown[frame_map.empty].flatten().numpy(), "norm").pvalue > ALPHA
        assert torch.equal(shown[~lost], x[~lost])
        assert torch.equal(shown[~batch.mask], x[~batch.mask])
        present = frame_map.present(received[modality])
        assert torch.equal(present[~lost], received[modality][~lost])
        assert torch.equal(present[lost], batch.mask[lost])


def test_noise_is_the_same_in_any_batch(data: ClipData) -> None:
    ablation, key = Ablation(strategy="noise", p=1.0), (3,)
    for modality in MODALITIES:
        shown = []
        for clips in (range(8), [6, 2]):
            batch = data.batch(clips)
            frame_map = FrameMap(batch.draws().index, batch.mask, "noise")
            shown.append(filling(frame_map, modality, batch, key))
        assert torch.equal(shown[0][[6, 2]], shown[1])
    assert ablation.modalities == ("video",)


def test_a_blank_face_is_shown_where_there_was_one(batch: Batch) -> None:
    assert batch.blank is not None
    frame_map = draw(Ablation(strategy="blank_face", p=1.0), "video", batch.draws(0))
    assert frame_map is not None
    received = batch.received()["video"]
    assert not received[batch.mask].all()
    video = batch.inputs()["video"]
    shown = frame_map.apply(video, filling(frame_map, "video", batch, (0,)))
    expected = torch.where(received.unsqueeze(-1), batch.blank, video)
    assert torch.equal(shown, expected)
    assert torch.equal(frame_map.present(received), received)


def test_without_a_blank_face_none_is_shown(tmp_path: Path) -> None:
    stores = planted_stores(tmp_path, items=1, frames=10, clip_frames=10)
    batch = ClipData(*stores, ["item-0"], preload_bytes=0).batch([0])
    frame_map = draw(Ablation(strategy="blank_face"), "video", batch.draws(0))
    with pytest.raises(ValueError, match="blank face are not known"):
        filling(frame_map, "video", batch, (0,))


def test_zeros_need_no_filling(batch: Batch) -> None:
    frame_map = draw(Ablation(strategy="frame_zero"), "video", batch.draws(0))
    assert filling(frame_map, "video", batch, (0,)) is None
    assert batch.features == {"audio": STEPS * DESCRIPTORS, "video": FC6}
