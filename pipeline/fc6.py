"""Stage fc6: VGG-Face's first fully connected layer for every crop."""

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import zarr

from features.settings import FC6Settings
from features.store import assemble, open_store, read_array, read_item, write_item
from pipeline.items import Job, hash_of, run_jobs, stage_errors
from pipeline.outputs import FACES, FC6, read_items
from pipeline.params import load_params

if TYPE_CHECKING:
    from features.vggface import VGGFaceFC6

VERSION = 1


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        settings = params.fc6
        faces = open_store(FACES, stage="faces")
        jobs = []
        for item in read_items():
            face = read_item(faces, item.item)
            key = hash_of(VERSION, face.attrs["key"], settings.model_dump(exclude={"batch_size"}))
            device = params.execution.torch_device
            jobs.append(Job(item.item, key, partial(extract, face, settings, device, key)))
        # One process: the network itself uses all processors.
        results = run_jobs("fc6", jobs, params.execution, processes=1)
        assemble(FC6, results, {"settings": settings.model_dump()})


def extract(face: zarr.Group, settings: FC6Settings, device: str, key: str, out: Path) -> None:
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
    write_item(out, {"fc6": extract_fc6(network, crops, present, settings)}, attributes)


@cache
def load_network(settings: FC6Settings, device: str) -> "VGGFaceFC6":
    """The network of these settings, ready on its device; loaded once per process."""
    import torch

    from features.vggface import choose_precision, prepare
    from features.vggface_weights import load_weights, random_weights

    if settings.weights == "random":
        network = random_weights(settings.seed)
    else:
        assert settings.sha256 is not None  # the schema demands it
        network = load_weights(Path(settings.weights).expanduser(), settings.sha256)
    formats = {"fp32": torch.float32, "bf16": torch.bfloat16}
    precision = formats.get(settings.precision) or choose_precision(network.to(device))
    return prepare(network, device, precision)


if __name__ == "__main__":
    main()
