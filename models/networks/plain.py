"""A network of the user's own as a recogniser.

It is a torch module that needs to know nothing of missing data:

    class MyNet(nn.Module):
        def __init__(self, features: dict[str, int], outputs: int, level: str, **options): ...
        def forward(self, inputs, masks, present): ...  # (B, T or 1, outputs)

The arguments of `forward` are dicts by `audio` and `video`, of what the model sees: vectors
(B, T, features), zeros where something was lost; which steps are not padding, (B, T) bool; and
which steps there are, (B, T) bool. `level` is `frame`, with outputs (B, T, outputs), or `sequence`,
with outputs (B, 1, outputs). It may state phases of training (`models.training.phases`).
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from typing_extensions import override

from features.errors import InputError
from features.task import Task
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import Outputs, Stream
from models.settings import Modality, Options
from models.training.phases import Loss, Phase


class Plain(Recogniser):
    """A plain torch module, to which losses are applied as inputs.

    Args:
        network: the module.
        features: dimension of each modality's input vector.
        task: what it has to recognise.
    """

    def __init__(self, network: nn.Module, features: Mapping[Modality, int], task: Task) -> None:
        super().__init__(features, features, task, Presence())
        self.network = network
        self.outputs = len(task.outputs)

    @classmethod
    def of(
        cls, network: Any, features: Mapping[Modality, int], options: Options, task: Task
    ) -> "Plain":
        """Make the module.

        Args:
            network: its class.
            features: dimension of each modality's input vector.
            options: its own.
            task: what it has to recognise.

        Raises:
            InputError: it refuses its options, or is not a module with something to learn.
        """
        name = getattr(network, "__name__", str(network))
        try:
            module = network(dict(features), len(task.outputs), task.level, **options.model_dump())
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} cannot be made ({error})", "correct its options") from error
        if not isinstance(module, nn.Module) or not any(True for _ in module.parameters()):
            raise InputError(f"{name} is not a torch module with parameters", "make it one")
        return cls(module, features, task)

    @override
    def show(self, modality: Modality, x: Tensor, mask: Tensor, present: Tensor) -> Stream:
        return Stream(x, mask, present & mask)

    @override
    def encode(self, modality: Modality, stream: Stream) -> Stream:
        return stream

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        streams = {m: encoded[m] for m in self.modalities}
        outputs = self.network(
            {m: stream.x for m, stream in streams.items()},
            {m: stream.mask for m, stream in streams.items()},
            {m: stream.present for m, stream in streams.items()},
        )
        first = streams[self.modalities[0]].mask
        shape = (first.shape[0], first.shape[1] if self.per_frame else 1, self.outputs)
        if not isinstance(outputs, Tensor) or outputs.shape != shape:
            shown = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise InputError(
                f"{type(self.network).__name__} returns {shown} in place of {shape}",
                "return (B, T, outputs) of frames and (B, 1, outputs) of sequences",
            )
        return Outputs(outputs, {})

    @override
    def phases(self, objective: Loss) -> tuple[Phase, ...]:
        stated = getattr(self.network, "phases", None)
        if stated is None:
            return super().phases(objective)
        return tuple(phase.within("network.") for phase in stated(objective))
