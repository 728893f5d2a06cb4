"""What the benchmarks work on, made on the spot and only when it is needed."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings
from features.extractors.lld import DESCRIPTORS, ROW_RATE
from features.extractors.vggface.network import FC6
from features.faces.extract import extract_faces
from features.media import decoding as media
from features.settings import FaceSettings, WindowSettings
from features.stores.store import assemble, new_item, open_store, read_array, write_item
from features.task import Task
from features.windows.context import Sound, audio_present, context_rows
from models.training.data import ClipData
from tests.helpers.media_factory import make_video

CLIP_FRAMES = 100
FPS = 30


class Inputs:
    """A clip of the demo corpus, what the stages make of it, and clips of random features.

    Args:
        folder: where files may be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def video(self) -> Path:
        """A talking face of 8 s with sound, 320×240."""
        (self.folder / "labels").mkdir()
        (self.folder / "truth").mkdir()
        # The fourth clip of the corpus loses neither face nor voice.
        item = make_clip(self.folder, DemoSettings(), 3)
        return self.folder / item["path"]

    @cached_property
    def sound(self) -> Path:
        """The voice of that clip for a minute, without pictures."""
        samples, _ = media.sound(self.video)
        return make_video(self.folder / "sound.m4a", None, sound=np.tile(samples, 8)[: 60 * 16_000])

    @cached_property
    def crops(self) -> NDArray[np.uint8]:
        """The faces of the clip, (240, 96, 96, 3)."""
        with new_item(self.folder / "crops-of-clip", {}) as item:
            extract_faces(self.video, FaceSettings(working_height=180), item)
        return read_array(open_store(self.folder / "crops-of-clip", stage="faces"), "crops")

    def clips(self, count: int) -> ClipData:
        """One item of random features of the paper's dimensions, as so many clips."""
        rng = np.random.default_rng(0)
        frames = count * CLIP_FRAMES
        times = np.arange(frames) / FPS
        rows = frames * ROW_RATE // FPS
        lld = rng.standard_normal((rows, DESCRIPTORS), np.float32)
        sound = Sound(lld, np.ones(rows, bool), 0.0, rows / ROW_RATE)
        self._write(
            "windows",
            {"clip_frames": CLIP_FRAMES, "task": Task().model_dump()},
            {
                "times": times,
                "lld": lld,
                "rows": context_rows(times, sound, WindowSettings()),
                "labels": rng.uniform(-1, 1, (frames, len(Task().outputs))).astype(np.float32),
                "valid": np.ones(frames, bool),
                "audio_present": audio_present(times, sound),
                "video_present": np.ones(frames, bool),
            },
        )
        fc6 = rng.standard_normal((frames, FC6), np.float32).clip(0).astype(np.float16)
        self._write("fc6", {}, {"fc6": fc6})
        windows, features = (
            open_store(self.folder / f"{name}.zarr", stage=name) for name in ("windows", "fc6")
        )
        return ClipData(windows, features, ["item"], preload_bytes=1 << 30)

    def _write(
        self, name: str, attributes: dict[str, Any], arrays: dict[str, NDArray[Any]]
    ) -> None:
        write_item(self.folder / name, arrays, {})
        assemble(self.folder / f"{name}.zarr", {"item": self.folder / name}, attributes)
