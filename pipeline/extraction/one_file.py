"""One media file described as a saved recogniser sees it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from features.corpora.listing import CorpusItem
from features.errors import InputError
from features.extractors.crops import VideoSource, open_faces
from features.extractors.registry import EXTRACTORS
from features.extractors.settings import JoinedSettings, StreamSettings, VGGFaceSettings
from features.media.decoding import frame_times, probe
from features.media.pauses import Stretch, pauses
from features.settings import Modality
from features.stores.assembling import assemble
from features.stores.streams import StreamStore, open_stream
from features.stores.windows import write_windows
from features.windows.build import windowed, windowed_stream
from features.windows.normaliser import Normaliser
from features.windows.sources import Sources
from models import recogniser
from models.training.stores import ModelStores, open_stores
from pipeline.engine.console import progress_bar, say

CLIP = "clip"
"""The one item's name; draws of a network hang on none."""


def extract(clip: Path, card: recogniser.Card, device: str, folder: Path) -> ModelStores:
    """Extract the streams that a model sees, with the settings that it was trained with.

    Args:
        clip: a media file.
        card: of the model.
        device: where networks run.
        folder: for the stores.

    Raises:
        InputError: the file cannot be read, or is too long for a sequence.
    """
    if card.task.level == "sequence":
        check_length(clip)
    with clip_errors(clip):
        report_pauses(clip, tuple(card.streams))
    if card.faces is not None:
        crop_faces(clip, card, folder)
    settings: dict[str, StreamSettings] = {}
    stores: dict[str, StreamStore] = {}
    fitted: dict[str, Normaliser | None] = {}
    for modality, stream in card.streams.items():
        names = part_names(modality, stream)
        for name, part, moments in zip(names, stream.parts, stream.moments, strict=True):
            describe_clip(clip, part, device, folder, name)
            settings[name] = part
            stores[name] = open_stream(folder / f"{name}.zarr")
            fitted[name] = None
            if moments is not None:
                fitted[name] = Normaliser(np.array(moments.mean), np.array(moments.std))
        if names != [modality]:
            assert isinstance(stream.settings, JoinedSettings)
            settings[modality] = stream.settings.model_copy(update={"of": names})
    pictures = None
    if card.faces is not None:
        faces = open_faces(folder / "faces.zarr", stage="predict")
        pictures = partial(faces.array, name="times")
    sources = Sources(settings, stores, pictures, gives_features=False, hold=card.windows.hold)
    item = whole_file(clip)
    write_windows(
        folder / "windows.zarr",
        {CLIP: windowed(item, None, card.task, sources)},
        {name: windowed_stream(name, sources, fitted) for name in settings},
        task=card.task,
        clip_frames=card.windows.clip_frames,
        settings=card.windows.model_dump(),
    )
    return open_stores(list(card.streams), folder / "windows.zarr", folder)


def report_pauses(clip: Path, modalities: tuple[Modality, ...]) -> None:
    """Say for how long the file has no picture and no sound, of what a model sees."""
    info, missing = probe(clip), pauses(clip)
    streams: tuple[tuple[str, Modality, bool, tuple[Stretch, ...]], ...] = (
        ("picture", "video", info.has_video, missing.without_picture),
        ("sound", "audio", info.has_audio, missing.without_sound),
    )
    for what, modality, is_there, stretches in streams:
        seconds = sum(last - first for first, last in stretches)
        if modality in modalities and is_there and seconds > 0:
            say(f"no {what} for {seconds:.1f} s of {info.duration:.1f} s")


def part_names(modality: Modality, stream: recogniser.SeenStream) -> list[str]:
    """What the streams with rows are called here: a card has no names."""
    if not stream.settings.parts:
        return [modality]
    return [f"{modality}-{number}" for number in range(len(stream.parts))]


def whole_file(clip: Path) -> CorpusItem:
    """A file as an item of a corpus."""
    info = probe(clip)
    return CorpusItem(
        item=CLIP,
        path=str(clip),
        speaker="",
        split="test",
        side="",
        labelled=False,
        start=0.0,
        end=np.nan,
        crops="",
        sha256="",
        crops_sha256="",
        has_video=info.has_video,
        has_audio=info.has_audio,
        width=info.width,
        height=info.height,
        rate=float(info.rate or np.nan),
        seconds=info.duration,
    )


def crop_faces(clip: Path, card: recogniser.Card, folder: Path) -> None:
    """Write the store of face crops."""
    from features.faces.items import detect_item

    assert card.faces is not None
    with (
        clip_errors(clip),
        progress_bar("faces", unit="frames", total=probe(clip).frames) as advance,
    ):
        detect_item(clip, card.faces, "", folder / "face", advance)
    assemble(folder / "faces.zarr", {CLIP: folder / "face"}, {})


def describe_clip(
    clip: Path, settings: StreamSettings, device: str, folder: Path, name: str
) -> None:
    """Write the store of one stream."""
    out = folder / f"{name}-item"
    if settings.modality == "audio":
        from features.extractors.sound import describe_sound

        with clip_errors(clip):
            describe_sound(settings, clip, device, out)
    elif EXTRACTORS[settings.extractor].together:
        from features.extractors.vggface.extractor import Turn, VGGFace
        from features.extractors.vggface.streaming import fit_to_device

        assert isinstance(settings, VGGFaceSettings)
        source = VideoSource(open_faces(folder / "faces.zarr", stage="predict"), CLIP)
        extractor = VGGFace(fit_to_device(settings, device), device)
        with (
            progress_bar(settings.extractor, unit="frames", total=len(source)) as advance,
            closing(extractor.describe([Turn(name, source)])) as parts,
        ):
            extractor.write(out, source, parts, advance)
    else:
        from features.extractors.crops import describe_faces

        faces = open_faces(folder / "faces.zarr", stage="predict")
        describe_faces(settings, faces, CLIP, device, out)
    assemble(folder / f"{name}.zarr", {CLIP: out}, {"settings": settings.of_rows()})


def check_length(clip: Path) -> None:
    """Refuse a sequence that is too long before an extraction that would be in vain.

    Raises:
        InputError: it is too long, or cannot be read.
    """
    from models.training.data import MAX_SEQUENCE_FRAMES, SequenceTooLongError

    with clip_errors(clip):
        count = len(frame_times(clip))  # headers are not always right
    if count > MAX_SEQUENCE_FRAMES:
        raise InputError(str(SequenceTooLongError(clip.name, count)), "give a part of it")


@contextmanager
def clip_errors(clip: Path) -> Iterator[None]:
    """Give advice on an unreadable clip that fits one clip; the stages' advice is on a corpus."""
    try:
        yield
    except InputError as error:
        remedy = f"give a readable video or sound file instead of {clip.name}"
        raise InputError(error.reason, remedy) from error
