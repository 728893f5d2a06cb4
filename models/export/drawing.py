"""Networks that draw numbers at random: of an exported file their numbers are inputs.

A file would draw others than the recogniser, and no one could compare the two.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

from features.errors import InputError
from models.export.graph import GraphInput

if TYPE_CHECKING:
    import onnx

DRAWS = "draws_"
"""What names of such inputs begin with; a number follows, in the order in which they are drawn."""

_NUMBERS = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
_OTHERS = ("Bernoulli", "Multinomial")
_TOLD = ("mean", "scale", "low", "high")
_DRAWING = ("randn", "randn_like", "rand", "rand_like", "normal", "normal_", "uniform", "uniform_")


class Recorder(TorchDispatchMode):
    """Remembers what is drawn while it is on.

    Attributes:
        drawn: what was, in its order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[Tensor] = []

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in _DRAWING:
            self.drawn.append(result.clone())
        return result

    def feeds(self) -> dict[str, Tensor]:
        """The numbers as inputs of the exported file."""
        return {f"{DRAWS}{number}": tensor for number, tensor in enumerate(self.drawn)}


def take_draws(
    model: "onnx.ModelProto", name: str, dimensions: Mapping[str, str]
) -> list[GraphInput]:
    """Make inputs of what a graph draws.

    Args:
        model: is changed.
        name: of the network.
        dimensions: what sizes that may be any are called, by their names in the graph.

    Returns:
        These inputs, none for a network that draws nothing.

    Raises:
        InputError: it draws classes or events, not normal or uniform numbers.
    """
    import onnx

    graph = model.graph
    shapes = {value.name: value.type.tensor_type.shape.dim for value in graph.value_info}
    inputs: list[GraphInput] = []
    kept: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type not in _NUMBERS:
            kept.append(node)
            continue
        (output,) = node.output
        shape = tuple(
            dimensions.get(size.dim_param, size.dim_param) or size.dim_value
            for size in shapes[output]
        )
        kind = "normal" if "Normal" in node.op_type else "uniform"
        known = {attribute.name: attribute.f for attribute in node.attribute}
        told = [f"{key} {known[key]:g}" for key in _TOLD if key in known]
        meaning = ", ".join((f"{kind} random numbers", *told))
        inputs.append(GraphInput(f"{DRAWS}{len(inputs)}", "float32", shape, meaning))
        kept.append(onnx.helper.make_node("Identity", [inputs[-1].name], [output]))
        value = onnx.helper.make_tensor_value_info(inputs[-1].name, onnx.TensorProto.FLOAT, shape)
        graph.input.append(value)
    del graph.node[:]
    graph.node.extend(kept)
    del graph.value_info[:]
    everywhere = [*graph.node, *(node for function in model.functions for node in function.node)]
    if any(node.op_type in (*_OTHERS, *_NUMBERS) for node in everywhere):
        raise InputError(
            f"{name} draws events or classes at random, which an exported file cannot be given",
            "draw normal or uniform numbers, and make events of them",
        )
    return inputs
