"""Writing a graph as ONNX, or as torch keeps exported programs."""

import json
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.export import Dim

from features.errors import InputError
from models.export.graph import Graph, GraphInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

OPSET = 20
OUTPUT = "outputs"

_DTYPES = {"float32": torch.float32, "int64": torch.int64, "bool": torch.bool}
_DRAWS = ("RandomNormal", "RandomUniform", "Bernoulli", "Multinomial")


def write_onnx(
    graph: Graph, inputs: Sequence[GraphInput], path: Path, metadata: Mapping[str, Any]
) -> None:
    """Write a graph as one ONNX file.

    Nothing of this machine is in it: two files of one recogniser have the same bytes.

    Args:
        graph: in evaluation mode.
        inputs: its inputs.
        path: of the file.
        metadata: values by name, that become JSON in the file.

    Raises:
        InputError: the network cannot be exported.
    """
    import onnx

    name = _name_of(graph)
    _check_exportable(graph)
    with _refusing(name):
        program = torch.onnx.export(
            graph,
            example(inputs),
            dynamo=True,
            opset_version=OPSET,
            input_names=[part.name for part in inputs],
            output_names=[OUTPUT],
            dynamic_shapes=(tuple(_dynamic(part) for part in inputs),),
            external_data=False,
            verbose=False,
        )
        assert program is not None
        model = program.model_proto
    _strip(model)
    _name_dimensions(model, inputs, name)
    drawing = {node.op_type for node in _nodes(model) if node.op_type.startswith(_DRAWS)}
    if drawing:
        raise InputError(
            f"{name} draws numbers at random, of which an exported file would make others",
            "make what it draws depend on its inputs",
        )
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=json.dumps(value, sort_keys=True))
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def write_torch(graph: Graph, inputs: Sequence[GraphInput], path: Path) -> None:
    """Write a graph as `torch.export.load` reads it.

    Raises:
        InputError: the network cannot be exported.
    """
    _check_exportable(graph)
    with _refusing(_name_of(graph)):
        shapes = (tuple(_dynamic(part) for part in inputs),)
        program = torch.export.export(graph, example(inputs), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        for key in ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn"):
            node.meta.pop(key, None)
    torch.export.save(program, path)


def example(
    inputs: Sequence[GraphInput], sizes: Mapping[str, int] | None = None
) -> tuple[Tensor, ...]:
    """Tensors of the inputs' shapes: zeros, steps that look at no row, all of them there.

    Args:
        inputs: of a graph.
        sizes: of the dimensions that may have any; by default all differ.
    """
    names = dict.fromkeys(s for part in inputs for s in part.shape if isinstance(s, str))
    sizes = sizes or {name: 2 + 3 * number for number, name in enumerate(names)}
    tensors = []
    for part in inputs:
        shape = [size if isinstance(size, int) else sizes[size] for size in part.shape]
        value = {"bool": 1, "int64": -1, "float32": 0}[part.dtype]
        tensors.append(torch.full(shape, value, dtype=_DTYPES[part.dtype]))
    return tuple(tensors)


def _check_exportable(graph: Graph) -> None:
    """Refuse a network that says why it cannot be exported.

    Raises:
        InputError: it does.
    """
    if reason := graph.network.unexported:
        raise InputError(
            f"{_name_of(graph)} cannot be exported: {reason}", "export a model of another network"
        )


def _name_of(graph: Graph) -> str:
    network = graph.network
    return type(getattr(network, "network", network)).__name__


def _dynamic(part: GraphInput) -> dict[int, Any]:
    return {axis: Dim.AUTO for axis, size in enumerate(part.shape) if isinstance(size, str)}


@contextmanager
def _refusing(name: str) -> "Iterator[None]":
    """Say in one sentence that a network cannot be exported; torch's own words are a page."""
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        said = re.sub(r"\s+", " ", str(cause)).strip()[:200]
        raise InputError(
            f"{name} cannot be exported ({type(cause).__name__}: {said})",
            "let no shape and no `if` of it depend on the values of tensors",
        ) from error


def _nodes(model: "onnx.ModelProto") -> "Iterator[onnx.NodeProto]":
    yield from model.graph.node
    for function in model.functions:
        yield from function.node


def _strip(model: "onnx.ModelProto") -> None:
    """Take away what the exporter says of this machine: stack traces with paths, sources."""
    holders: list[Any] = [model, model.graph, *model.functions, *_nodes(model)]
    holders += [*model.graph.input, *model.graph.output, *model.graph.initializer]
    for holder in holders:
        holder.doc_string = ""
        del holder.metadata_props[:]
    del model.graph.value_info[:]
    model.producer_name, model.producer_version = "Lacuna", ""


def _name_dimensions(model: "onnx.ModelProto", inputs: Collection[GraphInput], name: str) -> None:
    """Call dimensions of the inputs what they are, and see that none was frozen."""
    described = {part.name: part for part in inputs}
    renamed: dict[str, str] = {}
    for value in model.graph.input:
        sizes = value.type.tensor_type.shape.dim
        for size, meant in zip(sizes, described[value.name].shape, strict=True):
            if isinstance(meant, str):
                if not size.dim_param:
                    raise InputError(
                        f"{name} can be exported for {size.dim_value} {meant} only",
                        "let it take its sizes from the shapes of its inputs",
                    )
                renamed[size.dim_param] = meant
                size.dim_param = meant
    for value in model.graph.output:
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = renamed.get(size.dim_param, size.dim_param)
