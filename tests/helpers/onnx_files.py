"""Small networks as ONNX files."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(path: Path, nodes, inputs, outputs, weights=None, **kwargs) -> str:
    """Write a model; its sha256."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(n, kind, shape) for n, kind, shape in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in outputs],
        [numpy_helper.from_array(values, name) for name, values in (weights or {}).items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, **kwargs
    )
    onnx.save_model(model, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def picture_network(
    path: Path, *, size=12, channels=3, outputs=5, batch="batch", layout="NCHW", pooled=True
) -> str:
    """A convolution, and the mean of its maps."""
    kernel = np.random.default_rng(0).normal(size=(outputs, channels, 3, 3)).astype(np.float32)
    shape = [channels, size, size] if layout == "NCHW" else [size, size, channels]
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["maps"], ["vector"]),
    ]
    if layout == "NHWC":
        nodes = [helper.make_node("Transpose", ["pixels"], ["x"], perm=[0, 3, 1, 2]), *nodes]
    return save(
        path,
        nodes,
        [("x" if layout == "NCHW" else "pixels", TensorProto.FLOAT, [batch, *shape])],
        [("vector" if pooled else "maps", [batch, outputs, None, None])],
        {"kernel": kernel},
    )


def sound_network(path: Path, *, length="length", outputs=4, window=400, hop=320, batch="batch"):
    """A convolution over samples, and its rows: (batch, samples) to (batch, rows, outputs)."""
    kernel = np.random.default_rng(0).normal(size=(outputs, 1, window)).astype(np.float32)
    nodes = [
        helper.make_node("Unsqueeze", ["samples", "axis"], ["channel"]),
        helper.make_node("Conv", ["channel", "kernel"], ["maps"], strides=[hop]),
        helper.make_node("Transpose", ["maps"], ["rows"], perm=[0, 2, 1]),
    ]
    return save(
        path,
        nodes,
        [("samples", TensorProto.FLOAT, [batch, length])],
        [("rows", [batch, None, outputs])],
        {"kernel": kernel, "axis": np.array([1])},
    )
