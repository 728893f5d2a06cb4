"""Making a model's network from its settings."""

from collections.abc import Collection, Mapping

from features.errors import InputError
from features.task import Task
from models.networks.plain import Plain
from models.networks.recogniser import Presence, Recogniser
from models.networks.registry import NETWORKS, options_of
from models.settings import Modality, ModelSettings, NetworkSize, Options


def build(
    model: ModelSettings,
    features: Mapping[Modality, int],
    size: NetworkSize,
    task: Task,
    options: Options | None = None,
    *,
    allow: Collection[str] | None = None,
) -> Recogniser:
    """Make a model's network.

    Args:
        model: names the network.
        features: dimension of the input vector of each modality that it sees.
        size: the network's sizes.
        task: what it has to recognise.
        options: of the architecture; by default those the model names itself, without a preset's.
        allow: modules of the user's own that may be imported; None where params.yaml names the
            model, and so its module.

    Raises:
        InputError: a network of the user's own is not allowed, or cannot be made.
    """
    row = NETWORKS[model.network]
    module = row.code.partition(":")[0]
    if row.plain and allow is not None and module not in allow:
        raise InputError(
            f"the model's network is {model.network}, and a saved model imports none by itself",
            f"allow it by name: {module}",
        )
    if options is None:
        options = options_of(model.network, model.options)
    if row.plain:
        return Plain.of(row.load(), features, options, task)
    return row.load()(
        dict(features),
        size=size,
        options=options,
        task=task,
        presence=Presence(model.presence, model.repeats),
    )
