"""What is exported: rows in, outputs out; z-norm and context are inside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.settings import Modality
from models.networks.recogniser import Recogniser
from models.recogniser import Normalisation


@dataclass(frozen=True)
class SeenRows:
    """The rows of one modality as they come in.

    Attributes:
        widths: numbers of a row, of each part of a stream that joins several, of others one.
        moments: to z-norm each part with; None where its rows are taken as they are.
        steps: rows that a step of the network looks at.
    """

    widths: tuple[int, ...]
    moments: tuple[Normalisation | None, ...]
    steps: int

    @property
    def normed(self) -> bool:
        """Whether any part is z-normed, so that it matters which of its rows are present."""
        return any(part is not None for part in self.moments)


@dataclass(frozen=True)
class GraphInput:
    """One input of the exported graph.

    Attributes:
        name: of the input.
        dtype: as ONNX and numpy call it.
        shape: names of dimensions that may have any size, and numbers.
        meaning: a sentence.
    """

    name: str
    dtype: str
    shape: tuple[str | int, ...]
    meaning: str


def inputs_of(seen: Mapping[Modality, SeenRows], *, aligned: bool) -> list[GraphInput]:
    """The inputs of a graph, in their order.

    Args:
        seen: of each modality.
        aligned: whether the steps of all modalities are the same frames, with one mask.
    """
    inputs = []
    for m, rows in seen.items():
        time = "frames" if aligned else f"steps_{m}"
        any_rows = ("batch", f"rows_{m}")
        inputs.append(
            GraphInput(
                f"{m}_rows", "float32", (*any_rows, sum(rows.widths)), "the rows, not z-normed"
            )
        )
        if rows.normed:
            meaning = "which rows hold anything, by part: of sound where it is not silent"
            shape = (*any_rows, len(rows.widths))
            inputs.append(GraphInput(f"{m}_rows_present", "bool", shape, meaning))
        meaning = "the rows that each step looks at, the oldest first; -1 for none"
        inputs.append(GraphInput(f"{m}_index", "int64", ("batch", time, rows.steps), meaning))
        meaning = "which steps were received"
        inputs.append(GraphInput(f"{m}_present", "bool", ("batch", time), meaning))
        if not aligned:
            inputs.append(GraphInput(f"{m}_mask", "bool", ("batch", time), "false for padding"))
    if aligned:
        inputs.append(GraphInput("mask", "bool", ("batch", "frames"), "false for padding"))
    return inputs


class Graph(nn.Module):
    """A recogniser from rows: what `features` and `models` do between a store and an answer.

    Args:
        network: trained.
        seen: rows of each modality.
        aligned: as of `inputs_of`.
    """

    def __init__(
        self, network: Recogniser, seen: Mapping[Modality, SeenRows], *, aligned: bool
    ) -> None:
        super().__init__()
        self.network = network
        self.rows = nn.ModuleDict({m: _Rows(rows) for m, rows in seen.items()})
        self.aligned = aligned
        self.names = [part.name for part in inputs_of(seen, aligned=aligned)]

    @override
    def forward(self, *tensors: Tensor) -> Tensor:
        """Outputs (batch, frames, outputs), (batch, 1, outputs) of sequences; see `inputs_of`."""
        given = dict(zip(self.names, tensors, strict=True))
        inputs, masks, present = {}, {}, {}
        for m in self.network.modalities:
            known = given.get(f"{m}_rows_present")
            inputs[m] = self.rows[m](given[f"{m}_rows"], known, given[f"{m}_index"])
            masks[m] = given["mask" if self.aligned else f"{m}_mask"]
            present[m] = given[f"{m}_present"]
        return self.network(inputs, masks, present).fused

    def stored(self, name: str, rows: Tensor) -> Tensor:
        """Rows for an input, by its name, of which z-norm makes these."""
        norm = self.rows[name.removesuffix("_rows")]
        assert isinstance(norm, _Rows)
        return norm.stored(rows)


class _Rows(nn.Module):
    """Z-norm of rows, and their gathering into steps."""

    def __init__(self, rows: SeenRows) -> None:
        super().__init__()
        self.widths = rows.widths
        self.normed = [part is not None for part in rows.moments]
        for number, part in enumerate(rows.moments):
            if part is not None:
                for name in ("mean", "std"):
                    values = torch.tensor(getattr(part, name), dtype=torch.float64)
                    self.register_buffer(f"{name}_{number}", values)

    @override
    def forward(self, rows: Tensor, known: Tensor | None, index: Tensor) -> Tensor:
        """Vectors (batch, steps, rows of a step · width) of `rows` (batch, rows, width)."""
        parts = [self._normed(n, part, known) for n, part in enumerate(self._parts(rows))]
        whole = torch.cat(parts, dim=-1)
        whole = torch.cat((whole.new_zeros(whole.shape[0], 1, whole.shape[2]), whole), dim=1)
        first = torch.arange(whole.shape[0], device=index.device)[:, None, None] * whole.shape[1]
        flat = (index + 1 + first).flatten()
        gathered = whole.flatten(0, 1).index_select(0, flat)
        return gathered.reshape(index.shape[0], index.shape[1], -1)

    def stored(self, rows: Tensor) -> Tensor:
        """The rows of which z-norm makes these, as a store has them."""
        parts = list(self._parts(rows))
        for number, part in enumerate(parts):
            if self.normed[number]:
                mean, std = getattr(self, f"mean_{number}"), getattr(self, f"std_{number}")
                parts[number] = (part.double() * std + mean).float()
        return torch.cat(parts, dim=-1)

    def _parts(self, rows: Tensor) -> Sequence[Tensor]:
        return rows.split(list(self.widths), dim=-1)

    def _normed(self, number: int, part: Tensor, known: Tensor | None) -> Tensor:
        if known is None or not self.normed[number]:
            return part
        mean, std = getattr(self, f"mean_{number}"), getattr(self, f"std_{number}")
        normed = ((part.double() - mean) / std).float()
        return normed.masked_fill(~known[..., number : number + 1], 0)
