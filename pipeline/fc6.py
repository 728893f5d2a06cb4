"""Stage fc6: VGG-Face's first fully connected layer for every crop, and for one without a face.

Whatever execution.backend says, it runs in this process, with all processors or the GPU.
"""

import platform
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray

from features.errors import InputError
from features.settings import FC6Settings
from features.store import (
    assemble,
    iterate_rows,
    new_item,
    open_store,
    read_array,
    read_item,
    read_key,
)
from pipeline.console import progress_bar, say
from pipeline.hashes import hash_of, versions
from pipeline.item_cache import Cache
from pipeline.items import (
    Failure,
    Job,
    StageFailedError,
    cached,
    failure_of,
    media_items,
    stage_errors,
)
from pipeline.outputs import FACES, FC6
from pipeline.params import ExecutionSettings, load_params

if TYPE_CHECKING:
    from features.fc6 import Block
    from features.vggface import VGGFaceFC6

STAGE = "fc6"
VERSION = 3
"""Raise it when the code of this stage gives other features than before."""

BLANK = "blank.npy"

LIBRARIES = ("torch",)
"""Whose versions the features depend on; random weights on numpy's too."""


class NetworkFailedError(InputError):
    """The network failed: that concerns no item, and the next would fail as well."""


@dataclass(frozen=True, eq=False)
class Item:
    """One item's crops.

    Attributes:
        name: of the item.
        key: hash of all that its features depend on.
        face: its group in the faces store.
        present: (F,), whether a frame shows a face.
    """

    name: str
    key: str
    face: zarr.Group
    present: NDArray[np.bool_]


Part = tuple[tuple[Item, Exception | None], NDArray[np.float16]]
"""Features (n, 4096) of an item's next frames, or why its crops cannot be read."""


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
    entries.lock(alone=False)
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
    from features.fc6 import fit_to_device

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
    from features.fc6 import blank_face

    with network_errors(device):
        network = load_network(settings, device)
        features = blank_face(network, settings)
    _check_range(features, network)
    np.save(out / BLANK, features)


@contextmanager
def network_errors(device: str) -> Iterator[None]:
    """Make one sentence of what torch raises, most often for want of memory.

    Raises:
        NetworkFailedError: in place of any error that is not an InputError.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        raise NetworkFailedError(
            f"the network of fc6 failed on {device} ({type(error).__name__}: {first})",
            "lower fc6.batch_size where memory ran out, or set execution.device to cpu",
        ) from error


def describe(
    items: Iterable[Item], network: "VGGFaceFC6", settings: FC6Settings, device: str
) -> Generator[Part, None, None]:
    """Stream the features of items; what goes wrong in it is the network's, not an item's."""
    from features.fc6 import extract_fc6

    with network_errors(device):
        yield from extract_fc6(network, read(items), settings)


def read(items: Iterable[Item]) -> "Iterator[Block[tuple[Item, Exception | None]]]":
    """Read the crops of items in blocks, tagged with the item and why the rest is missing."""
    from features.fc6 import Block

    for item in items:
        # An item without frames has its turn too.
        nothing = np.zeros((0, 0, 0, 3), np.uint8), item.present[:0]
        yield Block((item, None), *nothing)
        first = 0
        try:
            for crops in iterate_rows(item.face, "crops"):
                yield Block((item, None), crops, item.present[first : first + len(crops)])
                first += len(crops)
        except Exception as error:
            yield Block((item, error), *nothing)


def write(
    out: Path,
    item: Item,
    features: Iterable[Part],
    network: "VGGFaceFC6",
    settings: FC6Settings,
    progress: Callable[[int], None],
) -> None:
    """Write an item's features as they come.

    Raises:
        InputError: a feature is beyond the range of float16.
        Exception: whatever reading the crops raised.
    """
    parameter = next(network.parameters())
    attributes = {
        "key": item.key,
        "settings": settings.model_dump(),
        "weights": network.origin.name,
        "sha256": network.origin.sha256,
        "channel_order": network.origin.channel_order,
        "precision": str(parameter.dtype),
        "device": parameter.device.type,
    }
    with new_item(out, attributes) as group:
        fc6 = group.rows("fc6", (len(item.present), network.outputs), np.float16)
        for (_, error), part in features:
            if error is not None:
                raise error
            _check_range(part, network)
            fc6.append(part)
            progress(len(part))


def _check_range(features: NDArray[np.float16], network: "VGGFaceFC6") -> None:
    if not np.isfinite(features).all():
        raise InputError(
            f"fc6 of {network.origin.name} weights is not finite in 16 bits",
            "check that the weights fit the preprocessing",
        )


@cache
def load_network(settings: FC6Settings, device: str) -> "VGGFaceFC6":
    """The network of these settings, ready on its device; loaded once per process."""
    import torch

    from features.vggface import prepare

    formats = {"fp32": torch.float32, "bf16": torch.bfloat16}
    return prepare(read_network(settings), device, formats[settings.precision])


def read_network(settings: FC6Settings) -> "VGGFaceFC6":
    """The network of these settings with its weights."""
    from features.vggface_weights import load_weights, random_weights

    if settings.weights == "random":
        return random_weights(settings.seed)
    assert settings.sha256 is not None  # the schema demands it
    return load_weights(Path(settings.weights).expanduser(), settings.sha256)


def choose(settings: FC6Settings, device: str, execution: ExecutionSettings) -> FC6Settings:
    """Settle what settings leave to the machine: batch size and precision.

    The precision `auto` is the faster one, measured once per machine and kept: noise could else
    change it from run to run, and all features with it.
    """
    from features.fc6 import fit_to_device

    precision: str = settings.precision
    if precision == "auto":
        import torch

        machine = [device, platform.node(), torch.__version__, torch.get_num_threads()]
        job = Job("precision", hash_of(VERSION, machine), partial(measure_precision, device))
        found = cached("fc6-precision", job, execution)
        precision = (found / "precision").read_text()
    return fit_to_device(settings.model_copy(update={"precision": precision}), device)


def measure_precision(device: str, out: Path) -> None:
    """Write the name of the faster precision."""
    import torch

    from features.vggface import choose_precision

    chosen = choose_precision(device)
    (out / "precision").write_text("bf16" if chosen == torch.bfloat16 else "fp32")


if __name__ == "__main__":
    main()
