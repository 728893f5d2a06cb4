"""How a network fails that describes pictures or sound."""

from collections.abc import Iterator
from contextlib import contextmanager

from features.errors import InputError


class NetworkFailedError(InputError):
    """The network failed: that concerns no item, and the next would fail as well."""


@contextmanager
def network_errors(title: str, device: str, remedy: str) -> Iterator[None]:
    """Make one sentence of what a network's library raises, most often when memory runs out.

    Args:
        title: what the network is called.
        device: where it runs.
        remedy: what to do about it.

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
            f"{title} failed on {device} ({type(error).__name__}: {first})", remedy
        ) from error
