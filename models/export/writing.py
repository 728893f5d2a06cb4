"""Writing a graph as ONNX, or as torch keeps exported programs."""

import json
import logging
import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from features.errors import InputError
from models.export.drawing import take_draws
from models.export.graph import Graph, GraphInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

OPSET = 20
_EXPORTER = "torch.onnx._internal.exporter._registration"
OUTPUT = "outputs"

Metadata = Callable[[Sequence[GraphInput]], Mapping[str, Any]]

_DTYPES = {"float32": torch.float32, "int64": torch.int64, "bool": torch.bool}


def write_onnx(
    graph: Graph, inputs: Sequence[GraphInput], path: Path, metadata: Metadata = lambda _: {}
) -> list[GraphInput]:
    """Write a graph as one ONNX file.

    Nothing of this machine is in it: two files of one recogniser have the same bytes.

    Args:
        graph: in evaluation mode.
        inputs: its inputs.
        path: of the file.
        metadata: of all inputs of the file, among which is what the network draws at random, makes
            values by name, that become JSON in it.

    Returns:
        These inputs.

    Raises:
        InputError: the network cannot be exported.
    """
    import onnx

    name = _name_of(graph)
    _check_exportable(graph)
    with _refusing(name):
        shapes = (tuple(_dynamic(part) for part in inputs),)
        model = _converted(graph, example(inputs), [part.name for part in inputs], shapes)
    draws = take_draws(model, name, _name_dimensions(model, inputs, name))
    inputs = [*inputs, *draws]
    for key, value in metadata(inputs).items():
        model.metadata_props.add(key=key, value=json.dumps(value, sort_keys=True))
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return inputs


def write_network(network: nn.Module, example: Tensor, name: str, path: Path) -> None:
    """Write a network of one input as an ONNX file that takes batches of any size.

    Args:
        network: in evaluation mode.
        example: a batch.
        name: of the input.
        path: of the file.
    """
    model = _converted(network, (example,), [name], ({0: Dim.AUTO},))
    path.write_bytes(model.SerializeToString(deterministic=True))


def _converted(
    network: nn.Module, tensors: tuple[Tensor, ...], names: list[str], shapes: Any
) -> "onnx.ModelProto":
    program = torch.onnx.export(
        network,
        tensors,
        dynamo=True,
        opset_version=OPSET,
        input_names=names,
        output_names=[OUTPUT],
        dynamic_shapes=shapes,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _strip(model)
    return model


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
def _without_warnings(name: str) -> "Iterator[None]":
    """Keep a logger's warnings back: the exporter's are of torchvision, which is not used."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _refusing(name: str) -> "Iterator[None]":
    """Say in one sentence that a network cannot be exported; torch's own words are a page."""
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), _without_warnings(_EXPORTER):
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


def _strip(model: "onnx.ModelProto") -> None:
    """Take away what the exporter says of this machine: stack traces with paths, sources."""
    for holder in _holders(model):
        holder.doc_string = ""
        del holder.metadata_props[:]
    model.producer_name, model.producer_version = "Lacuna", ""


def _holders(model: "onnx.ModelProto") -> "Iterator[Any]":
    yield from (model, *model.functions)
    for function in model.functions:
        yield from function.node
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        yield from (graph, *graph.node, *graph.input, *graph.output, *graph.initializer)
        graphs += [part.g for node in graph.node for part in node.attribute if part.HasField("g")]


def _name_dimensions(
    model: "onnx.ModelProto", inputs: Collection[GraphInput], name: str
) -> dict[str, str]:
    """Call dimensions of the inputs what they are, and see that none was frozen.

    Returns:
        Their new names by the old ones.
    """
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
    return renamed
