"""What the benchmarks work on, made on the spot and only when it is needed."""

import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings
from features.extractors.described import Described
from features.extractors.opensmile.descriptors import DESCRIPTORS, ROW_RATE
from features.extractors.vggface.network import FC6
from features.faces.extract import extract_faces
from features.media import decoding as media
from features.settings import FaceSettings
from features.stores.assembling import assemble
from features.stores.store import open_store
from features.stores.writing import new_item
from models.training.data import ClipData
from models.training.stores import ModelStores
from tests.helpers.corpus_items import corpus_item
from tests.helpers.media_factory import make_video
from tests.helpers.streams import FACES, SOUND, heard, sources_of, stores_in, windows_in

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
        assemble(self.folder / "crops.zarr", {"clip": self.folder / "crops-of-clip"}, {})
        return open_store(self.folder / "crops.zarr", stage="faces").rows("clip", "crops")[:]

    def clips(self, count: int) -> ClipData:
        """One item of random features of the paper's dimensions, as so many clips."""
        stores = self.stores(count)
        return ClipData(*stores, ["item"], preload_bytes=1 << 30)

    def stores(self, count: int) -> ModelStores:
        """The stores of such an item, in a folder of their own."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        rng = np.random.default_rng(0)
        frames = count * CLIP_FRAMES
        times = np.arange(frames) / FPS
        rows = frames * ROW_RATE // FPS
        lld = rng.standard_normal((rows, DESCRIPTORS), np.float32)
        fc6 = rng.standard_normal((frames, FC6), np.float32).clip(0).astype(np.float16)
        streams = {
            "fc6": (FACES, {"item": Described(fc6, times, np.ones(frames, bool))}),
            "lld": (SOUND.model_copy(update={"normalise": False}), {"item": heard(lld)}),
        }
        labels = pd.DataFrame(rng.uniform(-1, 1, (frames, 2)), columns=["valence", "arousal"])
        windows_in(
            folder,
            sources_of(folder, streams),
            [corpus_item("item")],
            {"item": labels.assign(time=np.nan)},
            clip_frames=CLIP_FRAMES,
        )
        return stores_in(folder, "lld", "fc6")
