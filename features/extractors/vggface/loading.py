"""The network VGG-Face: its weights, how it runs on this machine, and how it fails."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.settings import VGGFaceSettings

if TYPE_CHECKING:
    from features.extractors.vggface.network import VGGFaceFC6

PRECISION = "precision"

Measured = Callable[[list[Any], Callable[[Path], None]], Path]
"""Has what a function measures on a machine measured once: given what tells the machine apart, and
the function, returns the folder that the function filled."""


class NetworkFailedError(InputError):
    """The network failed: that concerns no item, and the next would fail as well."""


@contextmanager
def network_errors(device: str) -> Iterator[None]:
    """Make one sentence of what torch raises, most often when memory runs out.

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
            f"VGG-Face failed on {device} ({type(error).__name__}: {first})",
            "lower the stream's batch_size where memory ran out, or set execution.device to cpu",
        ) from error


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


def check_range(features: NDArray[np.float16], network: "VGGFaceFC6") -> None:
    """Refuse what the network made of pictures if it does not fit in 16 bits.

    Raises:
        InputError: a feature is infinite or no number.
    """
    if not np.isfinite(features).all():
        raise InputError(
            f"fc6 of {network.origin.name} weights is not finite in 16 bits",
            "check that the weights fit the preprocessing",
        )


def settle(settings: VGGFaceSettings, device: str, measured: Measured) -> VGGFaceSettings:
    """Settle what settings leave to the machine: batch size and precision.

    The precision `auto` is the faster one, measured once per machine and kept: noise could else
    change it from run to run, and all features with it.
    """
    from features.extractors.vggface.streaming import fit_to_device

    precision: str = settings.precision
    if precision == "auto":
        import torch

        machine = [device, platform.node(), torch.__version__, torch.get_num_threads()]
        entry = measured(machine, partial(measure_precision, device))
        precision = (entry / PRECISION).read_text()
    return fit_to_device(settings.model_copy(update={"precision": precision}), device)


def measure_precision(device: str, out: Path) -> None:
    """Write the name of the faster precision."""
    import torch

    from features.extractors.vggface.network import choose_precision

    chosen = choose_precision(device)
    (out / PRECISION).write_text("bf16" if chosen == torch.bfloat16 else "fp32")
