"""Layers in numpy, a vector or a frame at a time: what networks are compared with."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

Vector = NDArray[np.float64]


def array(x: Tensor) -> Vector:
    """A tensor's numbers."""
    return x.detach().double().numpy()


def dense(layer: nn.Linear, x: Vector) -> Vector:
    """W x + b of vectors (…, inputs)."""
    y = x @ array(layer.weight).T
    return y if layer.bias is None else y + array(layer.bias)


def leaky(x: Vector) -> Vector:
    """LeakyReLU of slope 0.01."""
    return np.where(x > 0, x, 0.01 * x)


def sigmoid(x: Vector) -> Vector:
    """1 / (1 + e^−x)."""
    return 1 / (1 + np.exp(-x))


def swish(x: Vector) -> Vector:
    """x · sigmoid(x)."""
    return x * sigmoid(x)


def layers(modules: Iterable[nn.Module], x: Vector) -> Vector:
    """Dense layers and activations, one after the other; dropout does nothing."""
    for module in modules:
        if isinstance(module, nn.Linear):
            x = dense(module, x)
        elif isinstance(module, nn.LeakyReLU):
            x = leaky(x)
        elif isinstance(module, nn.ReLU):
            x = np.maximum(x, 0)
    return x


def layer_norm(layer: nn.LayerNorm, x: Vector) -> Vector:
    """(x − mean) / √(variance + ε) of each vector (…, dim), scaled and shifted."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + layer.eps) * array(layer.weight) + array(layer.bias)


def softmax(x: Vector) -> Vector:
    """Of the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def lstm(cell: nn.LSTM, frames: Vector) -> Vector:
    """Outputs (frames, dim) of a clip (frames, inputs), a frame after the other."""
    inner, outer = array(cell.weight_ih_l0), array(cell.weight_hh_l0)
    bias = array(cell.bias_ih_l0) + array(cell.bias_hh_l0)
    h, c, outputs = np.zeros(cell.hidden_size), np.zeros(cell.hidden_size), []
    for x in frames:
        i, f, g, o = np.split(inner @ x + outer @ h + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs)
