"""Fusion from raw pictures: what it does with them, and that it is trained from the pixels on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from features.errors import InputError
from features.task import Task
from models.ablation.frame_map import FrameMap, Lost
from models.networks.build import build
from models.networks.efficientface import WIDTH
from models.networks.picture_fusion import side_of, turned, turned_by
from models.networks.recogniser import Recogniser
from models.settings import ModelSettings, NetworkSize
from models.training.losses import task_loss
from tests.helpers.network_cases import Case

BOTH = ("audio", "video")
SIDE = 32
SIZE = NetworkSize(dim=8, heads=2, ffn=12, layers=1, dropout=0.0)
EMOTIONS = Task(kind="classification", level="sequence", outputs=list("ab"))


def network_of(
    network: str = "picture_fusion", video: int = SIDE * SIDE * 3, **options: object
) -> Recogniser:
    torch.manual_seed(0)
    model = ModelSettings(network=network, sees=list(BOTH), options=options)
    return build(model, {"audio": 10, "video": video}, SIZE, EMOTIONS)


def crops(clips: int, frames: int, side: int = SIDE) -> Tensor:
    """Smooth pictures, 0 … 255, (clips, frames, side · side · 3)."""
    generator = torch.Generator().manual_seed(1)
    small = 255 * torch.rand(clips * frames, 3, 4, 4, generator=generator)
    large = torch.nn.functional.interpolate(small, side, mode="bicubic").clamp(0, 255).round()
    return large.movedim(1, -1).flatten(1).unflatten(0, (clips, frames))


@pytest.mark.parametrize("degrees", [-10, 0, 7])
@pytest.mark.parametrize("mirrored", [False, True])
def test_pictures_are_turned_as_pillow_turns_them(mirrored: bool, degrees: int) -> None:
    x = crops(2, 3)
    found = turned_by(x, SIDE, torch.tensor([mirrored] * 2), torch.tensor([degrees] * 2))
    # At the edge Pillow interpolates with the last pixel, not with black: a disc is inside.
    place = np.arange(SIDE) + 0.5 - SIDE / 2
    inside = np.hypot(place, place[:, None]) < SIDE / 2 - 2
    for clip, frame in np.ndindex(2, 3):
        image = Image.fromarray(x[clip, frame].view(SIDE, SIDE, 3).byte().numpy())
        if mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        expected = np.asarray(image.rotate(degrees, resample=Image.Resampling.BILINEAR))
        apart = found[clip, frame].view(SIDE, SIDE, 3).numpy() - expected
        assert np.abs(apart[inside]).max() <= 1.01  # Pillow rounds


def test_all_pictures_of_a_clip_are_turned_alike_and_clips_apart() -> None:
    torch.manual_seed(0)
    x = crops(1, 1).expand(12, 4, -1)
    found = turned(x, SIDE)
    assert torch.equal(found, found[:, :1].expand_as(found))
    assert len({clip[0].numpy().tobytes() for clip in found}) > 8


def test_only_training_turns_pictures() -> None:
    network = network_of()
    x, mask = crops(2, 3), torch.ones(2, 3, dtype=torch.bool)

    def received() -> Tensor:
        return network.receive("video", x, mask, mask).x

    assert torch.equal(network.eval() and received(), x)
    assert not torch.equal(network.train() and received(), x)
    calm = network_of(augment=False).train()
    assert torch.equal(calm.receive("video", x, mask, mask).x, x)


def test_copies_of_a_clip_are_turned_alike() -> None:
    network = network_of().train()
    x, mask = crops(2, 3), torch.ones(6, 3, dtype=torch.bool)
    copies = network.receive("video", x, mask, mask).x.unflatten(0, (3, 2))
    assert torch.equal(copies, copies[:1].expand_as(copies))


@pytest.mark.parametrize("kind", ["ia", "lt"])
def test_it_is_the_fusion_of_described_pictures(kind: str) -> None:
    network = network_of(kind=kind).eval()
    plain = network_of("fusion", WIDTH, kind=kind).eval()
    weights = network.state_dict()
    plain.load_state_dict({name: weights[name] for name in plain.state_dict()})
    x, sound = crops(2, 3), torch.randn(2, 7, 10)
    masks = {"audio": torch.arange(7) < torch.tensor([[7], [4]]), "video": torch.ones(2, 3).bool()}
    empty = torch.tensor([[False, True, False], [True, True, True]])
    lost = {"video": Lost(FrameMap(torch.arange(3).repeat(2, 1), empty))}
    with torch.inference_mode():
        found = network({"audio": sound, "video": x}, masks, None, lost).fused
        black = torch.where(empty[..., None], 0.0, x)
        pictures = black.view(6, SIDE, SIDE, 3).permute(0, 3, 1, 2) / 255
        rows = network.pictures(pictures, torch.ones(6, dtype=torch.bool)).view(2, 3, WIDTH)
        expected = plain({"audio": sound, "video": rows}, masks).fused
    assert torch.allclose(found, expected, atol=1e-6)


def test_noise_has_the_scale_of_pictures() -> None:
    network = network_of().eval()
    x, mask = crops(2, 3), torch.ones(2, 3, dtype=torch.bool)
    empty = torch.tensor([[True] * 3, [False] * 3])
    noise = torch.randn(2, 3, x.shape[-1])
    lost = Lost(FrameMap(torch.arange(3).repeat(2, 1), empty, "noise"), noise)
    found = network.lose("video", network.receive("video", x, mask, mask), lost).x
    assert torch.allclose(found[0], 255 * noise[0])
    assert torch.equal(found[1], x[1])


def test_it_is_trained_from_the_pixels_on() -> None:
    """Clips whose pictures are bright on one side or on the other are told apart."""
    torch.manual_seed(0)
    model = ModelSettings(network="picture_fusion", sees=["crops"], options={"augment": False})
    network = build(model, {"video": 16 * 16 * 3}, SIZE, EMOTIONS).train()
    x = crops(6, 2, 16).view(6, 2, 16, 16, 3)
    labels = torch.eye(2)[torch.arange(6) % 2][:, None]
    x[1::2, :, :8] /= 4
    x[::2, :, 8:] /= 4
    first = network.pictures.first[0].weight
    before = first.detach().clone()
    inputs, masks = {"video": x.flatten(2)}, {"video": torch.ones(6, 2, dtype=torch.bool)}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.04, momentum=0.9, weight_decay=1e-3)
    losses: list[float] = []
    for _ in range(12):
        optimizer.zero_grad()
        outputs = network(inputs, masks).fused
        loss = task_loss(EMOTIONS, outputs, labels, torch.ones(6, 1, dtype=torch.bool))
        loss.backward()
        assert first.grad is not None
        assert first.grad.abs().max() > 0
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0], losses
    assert not torch.equal(first, before)


@pytest.mark.parametrize("width", [0, 4096, 3 * 24 * 24, 3 * 32 * 16])
def test_rows_that_are_no_pictures_are_refused(width: int) -> None:
    with pytest.raises(InputError, match="not of square crops whose side is a multiple of 16"):
        side_of(width)


def test_sound_alone_has_no_pictures() -> None:
    network = Case("picture_fusion", ("audio",)).build("classes")
    assert not hasattr(network, "pictures")


def test_other_networks_have_no_part_of_published_weights() -> None:
    with pytest.raises(InputError, match="Fusion has no part of published weights"):
        network_of("fusion", 5).begin(Path("weights.pth"), "0" * 64)
