"""One module per published architecture, on shared blocks; a registry by name."""

from typing import Any, Protocol

from models.networks.crossmodal import Crossmodal
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import Outputs, Stream
from models.networks.unimodal import Unimodal
from models.settings import Modality, ModelSettings, NetworkName, NetworkSize, Task

__all__ = ["NETWORKS", "Outputs", "Presence", "Recogniser", "Stream", "build"]


class Architecture(Protocol):
    """What makes a network of an architecture."""

    def __call__(
        self,
        features: dict[Modality, int],
        *,
        size: NetworkSize,
        options: Any,
        task: Task,
        presence: Presence,
    ) -> Recogniser:
        """See `build`."""
        ...


NETWORKS: dict[NetworkName, Architecture] = {"crossmodal": Crossmodal, "unimodal": Unimodal}


def build(
    model: ModelSettings, features: dict[Modality, int], size: NetworkSize, task: Task
) -> Recogniser:
    """Make a model's network.

    Args:
        model: names the network, its options and the modalities it sees.
        features: dimension of each modality's input vector.
        size: the network's sizes.
        task: what it has to recognise.
    """
    return NETWORKS[model.network](
        {modality: features[modality] for modality in model.modalities},
        size=size,
        options=model.chosen_options(),
        task=task,
        presence=Presence(model.presence, model.repeats),
    )
