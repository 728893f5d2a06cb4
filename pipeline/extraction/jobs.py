"""The jobs of describing one item by itself, keyed by all that its rows depend on."""

from functools import partial
from pathlib import Path
from typing import Any

from features.corpora.listing import CorpusItem
from features.extractors.registry import EXTRACTORS
from features.extractors.settings import OpenSMILESettings, StreamSettings
from features.extractors.sound import describe_sound
from features.extractors.together import describe_faces
from features.pins import PINS
from features.stores.store import Store
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.inputs import from_file
from pipeline.engine.jobs import Job, Needs
from pipeline.engine.keys import key_of
from pipeline.extraction.together import key_of_crops, rows_used


def device_of(settings: StreamSettings, execution: ExecutionSettings) -> str:
    """Where an extractor runs; torch need not be asked by one without a network."""
    match EXTRACTORS[settings.extractor].runs:
        case "processor":
            return "cpu"
        case "torch":
            return execution.torch_device
        case "onnx":
            from features.extractors.onnx.model_file import device_for

            return device_for(execution.torch_device)


def sound_job(item: CorpusItem, settings: StreamSettings, device: str) -> Job:
    """The description of an item's sound.

    Raises:
        InputError: a file that the settings name is wrong.
    """
    made_by: list[Any] = [settings.of_rows(), device]
    if isinstance(settings, OpenSMILESettings):
        from features.extractors.opensmile.descriptors import identity

        # A config moved elsewhere is the same; one with another file included is not.
        made_by.append(identity(settings))
    pin = PINS.get(settings.extractor)
    key = key_of(describe_sound, item.sha256, made_by, rows=rows_used(settings), pin=pin)
    path = Path(item.path)
    compute = partial(from_file, path, item.sha256, partial(describe_sound, settings, path, device))
    return Job(item.item, key, compute, item.seconds, Needs(gpu=device == "cuda"))


def faces_job(item: CorpusItem, settings: StreamSettings, faces: Store, device: str) -> Job:
    """The description of an item's crops, by themselves."""
    key = key_of_crops(faces.key(item.item), settings, device)
    compute = partial(describe_faces, settings, faces, item.item, device)
    return Job(item.item, key, compute, item.frames, Needs(gpu=device == "cuda"))
