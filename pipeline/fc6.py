"""Stage fc6: VGG-Face's first fully connected layer for every crop."""

import platform
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import zarr

from features.settings import FC6Settings
from features.store import assemble, open_store, read_array, read_item, write_item
from pipeline.items import Job, cached, hash_of, run_jobs, stage_errors
from pipeline.outputs import FACES, FC6, read_items
from pipeline.params import ExecutionSettings, load_params

if TYPE_CHECKING:
    from features.vggface import VGGFaceFC6

VERSION = 1


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        device = params.execution.torch_device
        precision = choose_precision(params.fc6, device, params.execution)
        settings = params.fc6.model_copy(update={"precision": precision})
        faces = open_store(FACES, stage="faces")
        jobs = []
        for item in read_items():
            face = read_item(faces, item.item)
            key = hash_of(VERSION, face.attrs["key"], settings.model_dump(exclude={"batch_size"}))
            jobs.append(Job(item.item, key, partial(extract, face, settings, device, key)))
        # One process: the network itself uses all processors.
        results = run_jobs("fc6", jobs, params.execution, processes=1)
        assemble(FC6, results, {"settings": settings.model_dump(), "precision": precision})


def extract(
    face: zarr.Group,
    settings: FC6Settings,
    device: str,
    key: str,
    out: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Describe the crops of one item."""
    from features.vggface import extract_fc6

    network = load_network(settings, device)
    crops, present = read_array(face, "crops"), read_array(face, "present")
    attributes = {
        "key": key,
        "settings": settings.model_dump(),
        "weights": network.origin.name,
        "channel_order": network.origin.channel_order,
        "precision": str(next(network.parameters()).dtype),
    }
    fc6 = extract_fc6(network, crops, present, settings, progress)
    write_item(out, {"fc6": fc6}, attributes)


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


def choose_precision(settings: FC6Settings, device: str, execution: ExecutionSettings) -> str:
    """The precision asked for; for `auto` the faster one, measured once per machine and kept."""
    if settings.precision != "auto":
        return settings.precision
    import torch

    machine = [device, platform.node(), torch.__version__, torch.get_num_threads()]
    job = Job("precision", hash_of(VERSION, machine), partial(measure_precision, settings, device))
    return (cached("fc6-precision", job, execution) / "precision").read_text()


def measure_precision(settings: FC6Settings, device: str, out: Path) -> None:
    """Write the name of the faster precision."""
    import torch

    from features.vggface import choose_precision as measure

    chosen = measure(read_network(settings).to(device))
    (out / "precision").write_text("bf16" if chosen == torch.bfloat16 else "fp32")


if __name__ == "__main__":
    main()
