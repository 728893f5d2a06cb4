"""Recognisers with random weights and a card of their own, for tests of what uses them."""

from pathlib import Path

import torch

from features.extractors.onnx.settings import OnnxSettings
from features.extractors.settings import OpenSMILESettings, StreamSettings
from features.settings import FaceSettings, Modality, WindowSettings
from features.task import AFFECT, Task
from models.networks.build import build
from models.recogniser import Card, Normalisation, SeenStream
from models.settings import ModelSettings, NetworkSize, TrainSettings
from pipeline.prediction.trained import Trained

SIZE = NetworkSize(dim=16, heads=4, ffn=16, layers=1, dropout=0.0)
LLD = 65


def random_model(
    streams: dict[Modality, StreamSettings],
    widths: dict[Modality, int],
    *,
    clip_frames: int = 20,
    hold: float = 0.2,
    faces: FaceSettings | None = None,
    task: Task = AFFECT,
) -> Trained:
    """A model, by default of valence and arousal per frame, that was never trained.

    Args:
        streams: of each modality; those that are normalised are taken as they are, all but.
        widths: numbers of a row of each.
        clip_frames: frames that it sees at most.
        hold: seconds for which a picture stays.
        faces: how faces are cropped.
        task: what it recognises.
    """
    sees: list[Modality] = [m for m in ("audio", "video") if m in streams]
    model = ModelSettings(
        network="crossmodal" if len(sees) == 2 else "unimodal", sees=sees, presence="marked"
    )
    seen = {
        m: SeenStream(
            settings=streams[m],
            parts=[streams[m]],
            moments=[
                Normalisation(mean=[0.1] * widths[m], std=[3.0] * widths[m])
                if streams[m].normalise
                else None
            ],
        )
        for m in sees
    }
    steps = {m: max(1, round(30 * streams[m].context_seconds)) for m in sees}
    inputs = {m: widths[m] * steps[m] for m in sees}
    torch.manual_seed(0)
    network = build(model, inputs, SIZE, task).eval()
    for parameter in network.parameters():  # answers that differ from frame to frame
        parameter.data.mul_(1.5)
    card = Card(
        name="random",
        seed=0,
        synthetic_corpus=False,
        given_features=False,
        task=task,
        model=model,
        train=TrainSettings(network=SIZE),
        options={},
        inputs=inputs,
        precision="fp32",
        epochs=1,
        best_epoch=1,
        faces=faces,
        streams=seen,
        windows=WindowSettings(clip_frames=clip_frames, hold=hold),
    )
    return Trained("random", card, network)


def sound_model(**about) -> Trained:
    """A model of openSMILE's descriptors."""
    return random_model({"audio": OpenSMILESettings(context_seconds=0.5)}, {"audio": LLD}, **about)


def face_model(folder: Path, **about) -> Trained:
    """A model of openSMILE's descriptors and of a small ONNX network's rows of faces.

    Args:
        folder: for the network's file.
        about: as of `random_model`.
    """
    from tests.helpers.onnx_files import picture_network

    path = folder / "net.onnx"
    sha256 = picture_network(path)
    video = OnnxSettings(modality="video", path=str(path), sha256=sha256, picture={"size": 12})
    streams = {"audio": OpenSMILESettings(context_seconds=0.1), "video": video}
    return random_model(streams, {"audio": LLD, "video": 5}, **about)
