"""One module per published architecture, on shared attention blocks; a registry by name."""

from models.networks.crossmodal import Crossmodal
from models.networks.recogniser import Recogniser
from models.networks.unimodal import Unimodal
from models.settings import Modality, ModelSettings, NetworkSize, Task

NETWORKS: dict[str, type[Recogniser]] = {"crossmodal": Crossmodal, "unimodal": Unimodal}


def build(
    model: ModelSettings, features: dict[Modality, int], size: NetworkSize, task: Task
) -> Recogniser:
    """Make a model's network.

    Args:
        model: names the network and the modalities it sees.
        features: dimension of each modality's input vector.
        size: the network's sizes.
        task: what it has to recognise.
    """
    seen = {modality: features[modality] for modality in model.modalities}
    return NETWORKS[model.network](seen, task=task, **size.model_dump())
