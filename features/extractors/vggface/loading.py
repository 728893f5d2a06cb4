"""The network VGG-Face: its weights, and how it runs on this machine."""

import os
import platform
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from features.extractors.batches import Measured
from features.extractors.settings import VGGFaceSettings

if TYPE_CHECKING:
    from features.extractors.vggface.network import VGGFaceFC6

PRECISION = "precision"


@cache
def load_vggface(settings: VGGFaceSettings, device: str) -> "VGGFaceFC6":
    """The network of these settings, ready on its device; loaded once per process."""
    import torch

    from features.extractors.vggface.network import prepare

    # By default cuDNN rounds what goes into convolutions to TF32, which is not fp32.
    torch.backends.cudnn.allow_tf32 = False
    formats = {"fp32": torch.float32, "bf16": torch.bfloat16}
    return prepare(read_network(settings), device, formats[settings.precision])


def read_network(settings: VGGFaceSettings) -> "VGGFaceFC6":
    """The network of these settings with its weights."""
    from features.extractors.vggface.weights import load_weights, random_weights

    if settings.weights == "random":
        return random_weights(settings.seed)
    assert settings.sha256 is not None  # the schema demands it
    return load_weights(Path(settings.weights).expanduser(), settings.sha256)


def settle(settings: VGGFaceSettings, device: str, measured: Measured) -> VGGFaceSettings:
    """Settle the precision, where settings leave it to the machine.

    `auto` is the faster one, measured once per machine and kept: noise could else change it from
    run to run, and all features with it.
    """
    if settings.precision != "auto":
        return settings
    threads = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()
    machine = [device, platform.node(), version("torch"), threads]
    entry = measured(machine, partial(measure_precision, device))
    return settings.model_copy(update={"precision": (entry / PRECISION).read_text()})


def measure_precision(device: str, out: Path) -> None:
    """Write the name of the faster precision."""
    import torch

    from features.extractors.vggface.network import choose_precision

    chosen = choose_precision(device)
    (out / PRECISION).write_text("bf16" if chosen == torch.bfloat16 else "fp32")
