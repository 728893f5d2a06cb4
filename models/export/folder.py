"""A trained recogniser as a folder for those who have neither Lacuna nor torch."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from features.errors import InputError
from features.settings import Modality
from features.windows.clocks import context_offsets
from models.export.graph import Graph, GraphInput, SeenRows, inputs_of
from models.export.program import STREAMS, describe, write_program
from models.export.writing import write_onnx, write_torch
from models.networks.recogniser import Recogniser
from models.recogniser import Card

Format = Literal["onnx", "torch"]
FILES: dict[Format, str] = {"onnx": "model.onnx", "torch": "model.pt2"}


def graph_of(card: Card, network: Recogniser) -> tuple[Graph, list[GraphInput]]:
    """The graph of a recogniser, and its inputs."""
    aligned = all(seen.settings.align == "frames" for seen in card.streams.values())
    rows = {modality: rows_of(card, modality) for modality in network.modalities}
    return Graph(network.eval(), rows, aligned=aligned).eval(), inputs_of(rows, aligned=aligned)


def rows_of(card: Card, modality: Modality) -> SeenRows:
    """The rows of one modality as a recogniser sees them."""
    seen = card.streams[modality]
    settings = seen.settings
    steps = len(context_offsets(settings.context_seconds, centred=settings.context == "centred"))
    known = [0 if part is None else len(part.mean) for part in seen.moments]
    rest = card.inputs[modality] // steps - sum(known)
    if known.count(0) == 1:
        known[known.index(0)] = rest
        rest = 0
    if rest:  # nothing is normed: one part is as good as several
        return SeenRows((rest,), (None,), steps)
    return SeenRows(tuple(known), tuple(seen.moments), steps)


def export(card: Card, network: Recogniser, folder: Path, form: Format = "onnx") -> Path:
    """Write a recogniser's folder: the graph, `streams.json` and a program.

    Args:
        card: what it says of itself.
        network: trained.
        folder: is made.
        form: `onnx`, or `torch` for what `torch.export.load` reads.

    Returns:
        The file with the graph.

    Raises:
        InputError: its network cannot be exported, or the folder cannot be written.
    """
    import json

    graph, inputs = graph_of(card, network)
    file = folder / FILES[form]

    def described(inputs: Sequence[GraphInput]) -> dict[str, Any]:
        streams = describe(card, [asdict(part) for part in inputs])
        (folder / STREAMS).write_text(json.dumps(streams, indent=1, sort_keys=True) + "\n")
        return {"streams": streams, "card": card.model_dump(mode="json")}

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if form == "torch":
            write_torch(graph, inputs, file)
            described(inputs)
        else:
            write_onnx(graph, inputs, file, described)
            write_program(card, folder)
    except OSError as error:
        reason = f"nothing can be written to {folder} ({error.strerror or error})"
        raise InputError(reason, "name another folder with --out") from error
    return file
