"""Stage fc6: VGG-Face's first fully connected layer for every crop, and for one without a face.

Whatever execution.backend says, it runs in this process, with all processors or the GPU.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from features.corpora.listing import FACES, FC6, media_items
from features.errors import InputError
from features.extractors.vggface.items import Item, describe, write
from features.extractors.vggface.loading import (
    NetworkFailedError,
    check_range,
    choose,
    load_network,
    network_errors,
)
from features.hashes import hash_of, versions
from features.settings import FC6Settings
from features.stores.store import assemble, open_store, read_array, read_item, read_key
from pipeline.engine.cache import Cache
from pipeline.engine.console import progress_bar, say
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import (
    Failure,
    Job,
    StageFailedError,
    cached,
    failure_of,
    stage_errors,
)
from pipeline.params import load_params

STAGE = "fc6"
VERSION = 3
"""Raise it when the code of this stage gives other features than before."""

BLANK = "blank.npy"

LIBRARIES = ("torch",)
"""Whose versions the features depend on; random weights on numpy's too."""


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        device = params.execution.torch_device
        settings = choose(params.fc6, device, params.execution)
        names = [item.item for item in media_items()]
        faces = open_store(FACES, stage="faces")
        results = run(names, faces, settings, device, params.execution)
        attributes: dict[str, Any] = {
            "settings": settings.model_dump(),
            "precision": settings.precision,
        }
        if names:
            attributes["blank"] = blank(settings, device, params.execution)
        assemble(FC6, results, attributes)


def run(
    names: Sequence[str],
    faces: zarr.Group,
    settings: FC6Settings,
    device: str,
    execution: ExecutionSettings,
) -> dict[str, Path]:
    """Have fc6 of every item, from the item cache or computed.

    Args:
        names: of the items.
        faces: the faces store.
        settings: as `choose` returns them.
        device: where the network runs.
        execution: where the cache is.

    Returns:
        The folder of every item's result.

    Raises:
        StageFailedError: after all items were tried, if any failed.
        NetworkFailedError: the network failed; what was done before is kept.
    """
    entries = Cache(execution.cache_folder)
    entries.lock(exclusive=False)
    keys: dict[str, str] = {}
    waiting: dict[str, Item] = {}
    failures = []
    for name in names:
        try:
            face = read_item(faces, name)
            key = key_of(face, settings, device)
            if key not in waiting and entries.take(STAGE, key) is None:
                waiting[key] = Item(name, key, face, read_array(face, "present"))
            keys[name] = key
        except InputError as error:
            failures.append(failure_of(name, error))
    failed = compute(list(waiting.values()), settings, device, entries) if waiting else {}
    failures += [replace(failed[key], name=name) for name, key in keys.items() if key in failed]
    if failures:
        raise StageFailedError(STAGE, failures, len(names) - len(failures))
    return {name: entries.result(STAGE, key) for name, key in keys.items()}


def key_of(face: zarr.Group, settings: FC6Settings, device: str) -> str:
    """What an item's features depend on."""
    return _key(read_key(face), settings, device)


def _key(crops: str, settings: FC6Settings, device: str) -> str:
    """What the features of some crops depend on.

    Devices and batch sizes differ in the last digits. A weight file is the same wherever it lies.
    """
    is_random = settings.weights == "random"
    weights = settings.seed if is_random else settings.sha256
    libraries = (*LIBRARIES, "numpy") if is_random else LIBRARIES
    way = settings.model_dump(exclude={"weights", "sha256", "seed"})
    return hash_of(VERSION, versions(libraries), crops, weights, way, device)


def compute(
    items: list[Item], settings: FC6Settings, device: str, entries: Cache
) -> dict[str, Failure]:
    """Describe the crops of items and put the features into the cache.

    Returns:
        Why items failed, by their keys.

    Raises:
        NetworkFailedError: the network failed.
    """
    entries.sweep()
    with network_errors(device):
        network = load_network(settings, device)
    failed = {}
    total = sum(len(item.present) for item in items)
    with (
        progress_bar(STAGE, unit="frames", total=total) as advance,
        closing(describe(items, network, settings, device)) as stream,
    ):
        for item, features in groupby(stream, key=lambda part: part[0][0]):
            try:
                with entries.new(STAGE, item.key) as out:
                    write(out, item, features, network, settings, advance)
            except NetworkFailedError:
                raise
            except Exception as error:  # what is left of the item is skipped by `groupby`
                failed[item.key] = failure = failure_of(item.name, error)
                if failure.trace:
                    say(failure.trace)
    return failed


def extract(
    face: zarr.Group,
    settings: FC6Settings,
    device: str,
    key: str,
    out: Path,
    *,
    progress: Callable[[int], None],
) -> None:
    """Describe the crops of one item, without the cache."""
    from features.extractors.vggface.streaming import fit_to_device

    settings = fit_to_device(settings, device)
    with network_errors(device):
        network = load_network(settings, device)
    item = Item("", key, face, read_array(face, "present"))
    with closing(describe([item], network, settings, device)) as stream:
        write(out, item, stream, network, settings, progress)


def blank(settings: FC6Settings, device: str, execution: ExecutionSettings) -> list[float]:
    """The features of a blank face, from the item cache or computed.

    Args:
        settings: as `choose` returns them.
        device: where the network runs.
        execution: where the cache is.

    Raises:
        NetworkFailedError: the network failed.
    """
    key = _key("blank face", settings, device)
    job = Job("blank face", key, partial(write_blank, settings, device))
    found = cached("fc6-blank", job, execution)
    return np.load(found / BLANK).tolist()


def write_blank(settings: FC6Settings, device: str, out: Path) -> None:
    """Compute and write the features of a blank face."""
    from features.extractors.vggface.streaming import blank_face

    with network_errors(device):
        network = load_network(settings, device)
        features = blank_face(network, settings)
    check_range(features, network)
    np.save(out / BLANK, features)


if __name__ == "__main__":
    main()
