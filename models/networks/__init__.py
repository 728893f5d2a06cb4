"""One module per published architecture, on shared blocks; a registry by name."""

from typing import Any, Protocol

from features.task import Task
from models.networks.affwildnet import AffWildNet
from models.networks.auxformer import AuxFormer
from models.networks.crossmodal import Crossmodal
from models.networks.fusion import Fusion
from models.networks.mult import MulT
from models.networks.recogniser import Presence, Recogniser
from models.networks.recurrent import Recurrent
from models.networks.stream import Outputs, Stream
from models.networks.unimodal import Unimodal
from models.settings import OPTIONS, Modality, ModelSettings, NetworkName, NetworkSize, Options

__all__ = ["NETWORKS", "Outputs", "Presence", "Recogniser", "Stream", "build"]


class NetworkFactory(Protocol):
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


NETWORKS: dict[NetworkName, NetworkFactory] = {
    "crossmodal": Crossmodal,
    "unimodal": Unimodal,
    "recurrent": Recurrent,
    "affwildnet": AffWildNet,
    "auxformer": AuxFormer,
    "mult": MulT,
    "fusion": Fusion,
}


def build(
    model: ModelSettings,
    features: dict[Modality, int],
    size: NetworkSize,
    task: Task,
    options: Options | None = None,
) -> Recogniser:
    """Make a model's network.

    Args:
        model: names the network and the modalities it sees.
        features: dimension of each modality's input vector.
        size: the network's sizes.
        task: what it has to recognise.
        options: of the architecture; by default those the model names itself, without a preset's.
    """
    if options is None:
        options = OPTIONS[model.network].model_validate(model.options)
    return NETWORKS[model.network](
        {modality: features[modality] for modality in model.modalities},
        size=size,
        options=options,
        task=task,
        presence=Presence(model.presence, model.repeats),
    )
