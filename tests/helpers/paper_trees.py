"""Tiny corpora in the layouts of the four papers, whose clips are those of the demo.

Each of TREES takes an empty folder and made clips (`make_clips`), and gives back the folder.
"""

import pickle
import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path

import av
import numpy as np

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings
from tests.helpers.cremad_factory import put_into
from tests.helpers.media_factory import make_video

CLIPS = 12
SECONDS, FPS = 1.0, 10
SENTENCES = ("IEO", "TIE")
VOTES = "ADFHNS"
SOUND, PICTURE, STEPS = 5, 6, 20
"""Dimensions and time steps of the tiny CMU-MOSEI."""


def make_clips(folder: Path) -> list[Path]:
    """Twelve clips of a second, of as many made-up speakers."""
    for part in ("labels", "truth"):
        (folder / part).mkdir()
    settings = DemoSettings(speakers=CLIPS, clips=CLIPS, seconds=SECONDS, fps=FPS, seed=1)
    return [folder / make_clip(folder, settings, index)["path"] for index in range(CLIPS)]


def affwild2(root: Path, clips: Sequence[Path]) -> Path:
    """Nine videos to train on and three to validate, valence and arousal of every frame."""
    (root / "batch1").mkdir(parents=True)
    for number, clip in enumerate(clips):
        part = "Validation_Set" if number % 4 == 3 else "Train_Set"
        folder = root / "VA_Estimation_Challenge" / part
        folder.mkdir(parents=True, exist_ok=True)
        time = np.arange(round(SECONDS * FPS)) / FPS + number
        rows = [f"{np.sin(t):.3f},{np.cos(2 * t):.3f}" for t in time]
        (folder / f"video{number}.txt").write_text("\n".join(["valence,arousal", *rows]) + "\n")
        shutil.copy(clip, root / "batch1" / f"video{number}.mp4")
    return root


def cremad(root: Path, clips: Sequence[Path]) -> Path:
    """Six actors with two clips each; every class has its votes."""
    videos, tables = root / "VideoFlash", root / "processedResults"
    for folder in (videos, tables):
        folder.mkdir(parents=True)
    rows, votes = ['"","FileName","VoiceVote","FaceVote","MultiModalVote"'], cycle(VOTES)
    for number, clip in enumerate(clips):
        actor, sentence = 1001 + number % 6, SENTENCES[number // 6]
        name = f"{actor}_{sentence}_ANG_XX"
        put_into(clip, videos / f"{name}.flv")
        rows.append(f'"{number + 1}","{name}","N","N","{next(votes)}"')
    (tables / "summaryTable.csv").write_text("\n".join(rows) + "\n")
    return root


def msp_improv(root: Path, clips: Sequence[Path]) -> Path:
    """Six sessions, of whose two actors each has a clip."""
    root.mkdir(parents=True)
    lines = []
    for number, (clip, emotion) in enumerate(zip(clips, cycle("AHSN"), strict=False)):
        session, actor = number // 2 + 1, "FM"[number % 2]
        name = f"S01{emotion}-{actor}{session:02d}-P-{actor}M01"
        activity = {"A": 1.5, "S": 4.5}.get(emotion, 3.0)
        lines.append(
            f"UTD-IMPROV-{name}.avi; {emotion}; A:{activity}; V:3.1; D:2.8 ; N:4.000000;\n"
        )
        folder = root / f"session{session}" / name[:4] / "P"
        folder.mkdir(parents=True, exist_ok=True)
        as_avi(clip, folder / f"MSP-IMPROV-{name}.avi")
    (root / "Evaluation.txt").write_text("".join(lines))
    return root


def as_avi(source: Path, target: Path) -> None:
    """Code the pictures and the sound of a file anew, as AVI can hold them."""
    with av.open(str(source)) as given:
        pictures = [frame.to_ndarray(format="rgb24") for frame in given.decode(video=0)]
    with av.open(str(source)) as given:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in given.decode(audio=0)])
        rate = given.streams.audio[0].rate
    codecs = {"video_codec": "mpeg4", "audio_codec": "mp2"}
    make_video(target, pictures, FPS, sound=sound, sound_rate=rate, **codecs)


def ravdess(root: Path, clips: Sequence[Path]) -> Path:
    """Actors of each part of the folds, with two clips each."""
    actors = (1, 5, 9, 13, 17, 21)
    for number, clip in enumerate(clips):
        actor = actors[number % len(actors)]
        folder = root / f"Actor_{actor:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        emotion = 2 + number % 7
        shutil.copy(clip, folder / f"01-01-{emotion:02d}-01-01-01-{actor:02d}.mp4")
    return root


def cmu_mosei(root: Path, _clips: Sequence[Path]) -> Path:
    """Sentences of twelve videos, six of which train; features are given."""
    rng = np.random.default_rng(0)

    def section(names: Sequence[str]) -> dict[str, object]:
        count = len(names)
        return {
            "audio": rng.standard_normal((count, STEPS, SOUND)),
            "vision": rng.standard_normal((count, STEPS, PICTURE)),
            "text": np.zeros((count, STEPS, 2)),
            "labels": rng.uniform(-3, 3, (count, 1, 1)).astype(np.float32),
            "id": np.array([[name, "0.0", "2.0"] for name in names]),
        }

    root.mkdir(parents=True)
    parts = {"train": "abcdef", "valid": "ghi", "test": "jkl"}
    tree = {part: section(list(names)) for part, names in parts.items()}
    (root / "mosei_senti_data_noalign.pkl").write_bytes(pickle.dumps(tree, 4))
    return root


TREES: Mapping[str, Callable[[Path, Sequence[Path]], Path]] = {
    "affwild2": affwild2,
    "cremad": cremad,
    "msp_improv": msp_improv,
    "ravdess": ravdess,
    "cmu_mosei": cmu_mosei,
}
