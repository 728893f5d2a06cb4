"""The demo corpus: synthetic talking faces whose valence and arousal are known.

Made from two public-domain portraits (see `speakers`) and a synthetic voice (see `voice`), so that
the whole pipeline runs without a download. The face tells valence (mouth, brows) and something of
arousal (eyes, head motion), the voice arousal (pitch, loudness, speech rate) and something of
valence (breath); `script.SEEN` and `script.HEARD` say how much. In a quarter of the clips the face
is out of sight for a moment, in an eighth each the microphone gives zeros, no pictures are in the
file, or no sound is.
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from features.corpora import folder
from features.corpora.item import Corpus, Work
from features.corpora.listing import CORPUS
from features.corpora.settings import DemoSettings, FolderSettings, SplitSettings

if TYPE_CHECKING:
    from features.corpora.demo.script import Script

_TRAIN, _VALIDATION, _TEST = "train", "validation", "test"


def read(_root: Path, settings: DemoSettings, split: SplitSettings, work: Work) -> Corpus:
    """Make the corpus below the stage's outputs, and read it as a folder of videos.

    Raises:
        InputError: somebody wrote into that folder.
    """
    root, done = CORPUS / "demo", count(1)
    generate(
        root,
        settings,
        progress=lambda _: work.progress(next(done), settings.clips),
        n_jobs=work.processes,
    )
    return folder.read(root, FolderSettings(), split, work)


def generate(
    root: Path,
    settings: DemoSettings,
    progress: Callable[[int], None] | None = None,
    *,
    n_jobs: int = 1,
) -> None:
    """Write the corpus: `items.csv` and, per clip, a video, its `labels/` and its `truth/`.

    The bytes depend on the settings alone. A file appears under its name only when it is complete.

    Args:
        root: folder to write into, made if missing.
        settings: what to make.
        progress: called with 1 after every finished clip.
        n_jobs: clips made at a time.
    """
    for part in ("labels", "truth"):
        (root / part).mkdir(parents=True, exist_ok=True)
    made = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(make_clip)(root, settings, index) for index in range(settings.clips)
    )
    items = []
    for item in made:
        items.append(item)
        if progress is not None:
            progress(1)
    _write_csv(pd.DataFrame(items), root / "items.csv")


def split_of(speaker: int, speakers: int) -> str:
    """The split of a speaker: an eighth validate, a quarter test (both at least one), last ones."""
    validation, test = max(1, speakers // 8), max(1, speakers // 4)
    if speaker >= speakers - test:
        return _TEST
    return _VALIDATION if speaker >= speakers - test - validation else _TRAIN


def make_clip(root: Path, settings: DemoSettings, index: int) -> dict[str, str]:
    """Write the files of clip `index` and return its row of `items.csv`."""
    # Imported here: whoever only reads the settings need not wait for cv2, av and scipy.
    from features.corpora.demo.face import Renderer, act
    from features.corpora.demo.movie import write_movie
    from features.corpora.demo.script import LOSSES, write_script
    from features.corpora.demo.speakers import make_speaker
    from features.corpora.demo.voice import SAMPLE_RATE, speak

    speakers, fps = settings.speakers, settings.fps
    number = index % speakers
    speaker = make_speaker(settings.seed, number)
    script_rng, face_rng, voice_rng = np.random.default_rng([settings.seed, 1, index]).spawn(3)
    # Five clips of eight miss something; of each speaker not always the same.
    loss = LOSSES[(index + index // speakers) % len(LOSSES)]
    script = write_script(script_rng, round(settings.seconds * fps), fps, loss)
    acting = act(face_rng, script, fps, speaker.smile)
    renderer = Renderer(speaker, face_rng.integers(40, 200, 3).astype(np.uint8))
    sound = speak(voice_rng, script, fps, pitch=speaker.pitch, tract=speaker.tract)

    name = f"clip_{index:03d}"
    video = root / f"{name}.mp4"
    partial = video.with_suffix(".partial")
    write_movie(
        partial,
        renderer.frames(acting),
        fps,
        sound,
        SAMPLE_RATE,
        camera_off=script.missing("camera_off"),
        muted=script.missing("muted"),
    )
    partial.replace(video)
    _write_tables(root, name, script)
    return {
        "path": f"{name}.mp4",
        "speaker": f"speaker_{number:02d}",
        "split": split_of(number, speakers),
        "labels": f"labels/{name}.csv",
    }


def _write_tables(root: Path, name: str, script: "Script") -> None:
    """Write the labels of a clip, and when it truly shows a face and has a voice."""
    labels = {"time": script.times, "valence": script.valence, "arousal": script.arousal}
    truth = {
        "time": script.times,
        "face": 1 - script.missing("turned", "covered", "camera_off").astype(int),
        "voice": 1 - script.missing("silent", "muted").astype(int),
    }
    _write_csv(pd.DataFrame(labels), root / "labels" / f"{name}.csv")
    _write_csv(pd.DataFrame(truth), root / "truth" / f"{name}.csv")


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    partial = path.with_suffix(".partial")
    table.to_csv(partial, index=False, float_format="%.6f", lineterminator="\n")
    partial.replace(path)
