"""A media file described as a saved recogniser sees it, each description once: item cache."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.crops import open_faces
from features.extractors.registry import EXTRACTORS
from features.extractors.settings import GivenSettings, JoinedSettings, StreamSettings
from features.extractors.sound import describe_sound
from features.extractors.together import describe_faces
from features.faces.items import detect_item
from features.media.decoding import frame_times
from features.media.rates import AUDIO_ONLY_RATE
from features.settings import FaceSettings, Modality
from features.stores.assembling import assemble
from features.stores.streams import FACES as OF_FACES
from features.stores.streams import StreamStore, open_stream
from features.stores.windows import write_windows
from features.windows.build import windowed, windowed_stream
from features.windows.normaliser import Normaliser
from features.windows.sources import Sources
from models import recogniser
from models.training.stores import ModelStores, open_stores
from pipeline.engine.console import progress_bar
from pipeline.engine.entries.result import Result
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import cached
from pipeline.extraction.jobs import device_of, faces_job, sound_job
from pipeline.extraction.together import TITLE
from pipeline.faces import check_detector
from pipeline.faces import job_of as crops_job
from pipeline.prediction.given import Files, check_names, describe_features
from pipeline.prediction.people import Faces
from pipeline.prediction.recording import CLIP, Recording, clip_errors


def extract(
    recording: Recording,
    card: recogniser.Card,
    execution: ExecutionSettings,
    folder: Path,
    files: Files = MappingProxyType({}),
    *,
    person: str = "",
    faces: Faces | None = None,
) -> ModelStores:
    """Have the streams that a model sees, with the settings that it was trained with.

    Args:
        recording: the file.
        card: of the model.
        execution: where networks run, and where the cache is.
        folder: for the stores.
        files: of features that the model was given in its training.
        person: whose face is cut out; empty for the one that the model's settings choose.
        faces: of the file, where several people's are cut out.

    Raises:
        InputError: the file cannot be read, is too long for a sequence, or has no such person.
    """
    check_names(card, files)
    if card.task.level == "sequence" and recording.is_media:
        check_length(recording)
    if card.faces is not None:
        crop_faces(recording, card.faces, execution, folder, person, faces)
    for modality, stream in card.streams.items():
        for name, part in zip(part_names(modality, stream), stream.parts, strict=True):
            if isinstance(part, GivenSettings):
                describe_features(card, modality, part, files, folder, name)
            else:
                describe(recording, part, execution, folder, name)
    bring_together(recording, card, folder)
    return open_stores(list(card.streams), folder / "windows.zarr", folder)


def bring_together(recording: Recording, card: recogniser.Card, folder: Path) -> None:
    """Write the store of windows over the streams that are described.

    Args:
        recording: the file.
        card: of the model.
        folder: with the stores.
    """
    settings: dict[str, StreamSettings] = {}
    fitted: dict[str, Normaliser | None] = {}
    for modality, stream in card.streams.items():
        names = part_names(modality, stream)
        settings |= zip(names, stream.parts, strict=True)
        for name, moments in zip(names, stream.moments, strict=True):
            fitted[name] = None
            if moments is not None:
                fitted[name] = Normaliser(np.array(moments.mean), np.array(moments.std))
        if names != [modality]:
            assert isinstance(stream.settings, JoinedSettings)
            settings[modality] = stream.settings.model_copy(update={"of": names})
    stores = {name: open_stream(folder / f"{name}.zarr") for name in fitted}
    pictures = _times_of_pictures(card, folder, stores)
    sources = Sources(
        settings,
        stores,
        pictures,
        gives_features=not recording.is_media or (pictures is not None and card.faces is None),
        hold=card.windows.hold,
    )
    write_windows(
        folder / "windows.zarr",
        {CLIP: windowed(recording.item, None, card.task, sources)},
        {name: windowed_stream(name, sources, fitted) for name in settings},
        task=card.task,
        clip_frames=card.windows.clip_frames,
        settings=card.windows.model_dump(),
    )


def _times_of_pictures(
    card: recogniser.Card, folder: Path, stores: Mapping[str, StreamStore]
) -> Callable[[str], NDArray[np.float64]] | None:
    """The clock of an item's pictures; None for a model that sees none."""
    if card.faces is not None:
        return partial(open_faces(folder / "faces.zarr", stage="predict").array, name="times")
    if "video" in card.streams:
        return stores[part_names("video", card.streams["video"])[0]].times
    return None


def part_names(modality: Modality, stream: recogniser.SeenStream) -> list[str]:
    """What the streams with rows are called here: a card has no names."""
    if not stream.settings.parts:
        return [modality]
    return [f"{modality}-{number}" for number in range(len(stream.parts))]


def crop_faces(
    recording: Recording,
    settings: FaceSettings,
    execution: ExecutionSettings,
    folder: Path,
    person: str = "",
    faces: Faces | None = None,
) -> None:
    """Write the store of face crops."""
    path, seeing = recording.path, faces or Faces(recording.path)
    check_detector(settings)
    if person:
        settings = settings.model_copy(update={"subject": "person"})

    def compute(out: Path) -> None:
        with progress_bar("faces", unit="frames", total=recording.info.frames) as advance:
            seen = seeing.seen(settings, advance)
            detect_item(path, settings, "", out, person=person, seen=seen)

    job = crops_job(replace(recording.item, person=person), settings)
    with clip_errors(path):
        crops = cached("faces", replace(job, compute=compute), execution)
    assemble(folder / "faces.zarr", {CLIP: crops}, {}, {CLIP: job.key})


def describe(
    recording: Recording,
    settings: StreamSettings,
    execution: ExecutionSettings,
    folder: Path,
    name: str,
) -> None:
    """Write the store of one stream."""
    if EXTRACTORS[settings.extractor].source == "faces":
        said = {"settings": settings.of_rows(), OF_FACES: "faces.zarr"}
        assemble(folder / f"{name}.zarr", {}, said)
        return
    device, path = device_of(settings, execution), recording.path
    with clip_errors(path):
        if settings.modality == "audio":
            job = sound_job(recording.item, settings, device)
            compute = partial(describe_sound, settings, path, device)
            rows = cached(TITLE, replace(job, compute=compute), execution)
        else:
            rows = _of_faces(recording, settings, device, execution, folder)
    assemble(folder / f"{name}.zarr", {CLIP: rows}, {"settings": settings.of_rows()})


def _of_faces(
    recording: Recording,
    settings: StreamSettings,
    device: str,
    execution: ExecutionSettings,
    folder: Path,
) -> Result:
    faces = open_faces(folder / "faces.zarr", stage="predict")
    job = faces_job(recording.item, settings, faces, device)
    total = len(faces.array(CLIP, "present"))

    def compute(out: Path) -> None:
        with progress_bar(settings.extractor, unit="frames", total=total) as advance:
            describe_faces(settings, faces, CLIP, device, out, advance)

    return cached(TITLE, replace(job, compute=compute), execution)


def check_length(recording: Recording) -> None:
    """Refuse a sequence that is too long before an extraction that would be in vain.

    Raises:
        InputError: it is too long, or cannot be read.
    """
    from models.training.data import MAX_SEQUENCE_FRAMES, SequenceTooLongError

    info = recording.info
    stated = info.frames if info.has_video else round(info.duration * AUDIO_ONLY_RATE)
    if 0 < stated <= MAX_SEQUENCE_FRAMES:
        return
    with clip_errors(recording.path):
        count = len(frame_times(recording.path))  # headers are not always right
    if count > MAX_SEQUENCE_FRAMES:
        too_long = SequenceTooLongError(recording.path.name, count)
        raise InputError(str(too_long), "give a part of it")
