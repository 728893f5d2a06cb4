"""An ONNX file, checked before onnxruntime runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.failures import network_errors
from features.extractors.onnx.settings import OnnxSettings

if TYPE_CHECKING:
    import onnx
    import onnxruntime

LARGEST = 2**31 - 1
"""Bytes that a file of one part can have."""

CUDA = "CUDAExecutionProvider"
FLOAT = "tensor(float)"
INSTALL = "install Lacuna's requirements again (they have onnx and onnxruntime)"
REMEDY = "lower batch_size where memory ran out, or set execution.device to cpu"


def device_for(device: str) -> str:
    """Where onnxruntime runs: on the GPU only if it was built for one.

    Raises:
        InputError: it is not installed.
    """
    if not device.startswith("cuda"):
        return "cpu"
    return device if CUDA in _runtime().get_available_providers() else "cpu"


class Model:
    """A network in an ONNX file, ready to run.

    Args:
        settings: of the stream.
        device: where it runs.

    Attributes:
        title: what it is called in messages.
        device: where it runs indeed.
        shape: of its input; the axes that are not fixed are None.

    Raises:
        InputError: the file is missing, too large, has another hash, is no ONNX file, keeps weights
            in other files, or has other inputs and outputs than the settings say.
    """

    def __init__(self, settings: OnnxSettings, device: str) -> None:
        self.title = f"the network {Path(settings.path).name}"
        self.device = device_for(device)
        runtime = _runtime()
        content = _read(settings)
        _check_content(settings.path, content)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait would take the processors that other items are described on.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = [CUDA] if self.device != "cpu" else []
        try:
            self._session: onnxruntime.InferenceSession = runtime.InferenceSession(
                content, options, providers=[*providers, "CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has an error of its own for each kind of fault
            first = next(iter(str(error).splitlines()), "")
            raise InputError(
                f"{settings.path} cannot be run by onnxruntime ({first})", "export it again"
            ) from error
        source = _chosen(settings.path, "input", self._session.get_inputs(), settings.input)
        if len(self._session.get_inputs()) > 1:
            others = [node.name for node in self._session.get_inputs() if node is not source]
            raise InputError(
                f"{settings.path} also needs the inputs {', '.join(others)}, which nothing fills",
                "export it with one input",
            )
        target = _chosen(settings.path, "output", self._session.get_outputs(), settings.output)
        self._input, self._output = source.name, target.name
        if source.type != FLOAT:
            raise InputError(
                f"the input {source.name} of {settings.path} is a {source.type}, not {FLOAT}",
                "export it in float32",
            )
        self.shape = [axis if isinstance(axis, int) else None for axis in source.shape]

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output for a batch.

        Raises:
            NetworkFailedError: it failed.
        """
        with network_errors(self.title, self.device, REMEDY):
            (found,) = self._session.run([self._output], {self._input: values})
        return np.asarray(found, np.float32)


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("onnxruntime is not installed", INSTALL) from error
    return onnxruntime


def _read(settings: OnnxSettings) -> bytes:
    """The bytes of the file, whose hash is the settings'."""
    path = Path(settings.path).expanduser()
    remedy = "correct path in the stream's settings"
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise InputError(
                f"{settings.path} has {size:,} bytes, more than the 2 GB of one file of ONNX",
                "export a smaller network, or in half precision with inputs in float32",
            )
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{settings.path} cannot be read ({error.strerror})", remedy) from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != settings.sha256:
        raise InputError(
            f"{settings.path} has the sha256 {actual}, not {settings.sha256}",
            "correct the path, the file, or sha256",
        )
    return content


def _check_content(path: str, content: bytes) -> None:
    """Refuse what is no model, and one that keeps weights in other files, which no hash covers.

    Raises:
        InputError: it is.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError("onnx is not installed", INSTALL) from error
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf has errors of its own
        raise InputError(f"{path} is not an ONNX file", "export it again") from error
    if not model.graph.node:
        raise InputError(f"{path} is not an ONNX file, or has no network", "export it again")
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise InputError(
                f"{path} keeps the weights {tensor.name} in another file",
                "save it in one: onnx.save_model(onnx.load(PATH), NEW_PATH)",
            )


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All tensors of a model, those within nodes and functions included."""
    yield from _of_graph(model.graph)
    for function in model.functions:
        yield from _of_nodes(function.node)


def _of_graph(graph: Any) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Any) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for graph in ([attribute.g] if attribute.HasField("g") else []) + list(
                attribute.graphs
            ):
                yield from _of_graph(graph)


def _chosen(path: str, kind: str, nodes: list[Any], name: str | None) -> Any:
    """The input or output of a name, or the only one."""
    names = [node.name for node in nodes]
    if name is None and len(nodes) == 1:
        return nodes[0]
    if name in names:
        return nodes[names.index(name)]
    known = ", ".join(names) or "none"
    reason = (
        f"{path} has the {kind}s {known}, and {kind} names none"
        if name is None
        else f"{path} has no {kind} {name}: it has {known}"
    )
    raise InputError(reason, f"set {kind} of the stream to one of them")
