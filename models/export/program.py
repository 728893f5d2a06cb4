"""A folder that answers with numpy and onnxruntime alone: how streams are made, and a program.

The program's functions are those of this package, as they stand in its files.
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from features.extractors import mel, silence
from features.extractors.settings import LogMelSettings
from features.licences import Licence
from features.settings import DETECTOR_LICENCES, PERSON_LICENCE
from features.windows import clocks
from models.recogniser import Card

PROGRAM = "recognise.py"
STREAMS = "streams.json"

_CONSTANTS = ("BANDS", "LOWEST", "HIGHEST", "WINDOW", "HOP", "FFT", "FLOOR", "_BLOCK")
_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    mel.mel,
    mel.filterbank,
    mel.log_mel,
    silence.long_runs,
    clocks.frame_centres,
    clocks.context_offsets,
)

_HEAD = '''"""Answers of the recogniser in this folder: numpy and onnxruntime alone.

    from recognise import Recogniser, log_mel

streams.json says how the rows of each stream are made, and what licence each part has.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
'''

_BODY = '''

class Recogniser:
    """The recogniser of a folder: rows in, outputs out."""

    def __init__(self, folder, threads=1):
        self.streams = json.loads((Path(folder) / "streams.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(Path(folder) / "model.onnx"), options)

    def answer(self, rows, index, present, rows_present=None):
        """Outputs (clips, frames, outputs), or (clips, 1, outputs) of sequences.

        Each a dict by modality: rows (clips, R, width) float32; index (clips, frames, steps) int64,
        the rows that each frame looks at, -1 for none (`context_index`); present (clips, frames)
        bool; rows_present (clips, R, parts) bool, by default true. For clips without padding.
        """
        feeds = {}
        for m, x in rows.items():
            parts = self.streams["streams"][m]["parts"]
            known = np.ones((*x.shape[:2], len(parts)), bool)
            feeds[f"{m}_rows"] = np.asarray(x, np.float32)
            feeds[f"{m}_rows_present"] = known if rows_present is None else rows_present[m]
            feeds[f"{m}_index"] = np.asarray(index[m], np.int64)
            feeds[f"{m}_present"] = np.asarray(present[m], bool)
            feeds[f"{m}_mask"] = feeds["mask"] = np.ones_like(feeds[f"{m}_present"])
        names = [value.name for value in self.session.get_inputs()]
        return self.session.run(None, {name: feeds[name] for name in names})[0]


def context_index(times, rate, window, count, seconds=0.0, centred=False, start=0.0):
    """Rows (frames, steps) that frames look at, -1 outside, of a stream with a regular rate.

    times: (frames,) second at the centre of each frame; rate: rows a second; window: seconds that a
    row describes; count: rows; seconds: of context; start: second of the first row.
    """
    at = np.asarray(times)[:, None] + context_offsets(seconds, centred=centred) - start
    row = np.floor(rate * at - (rate * window - 1) / 2 + 1e-6)
    inside = (at >= -1e-6) & (at < (count - 1) / rate + window)
    return np.where(inside, np.clip(row, 0, count - 1), -1).astype(np.int64)
'''


def write_program(folder: Path) -> None:
    """Write the program of a folder."""
    constants = [f"{name} = {getattr(mel, name)!r}" for name in _CONSTANTS]
    constants += [f"SAMPLE_RATE = {mel.SAMPLE_RATE}", f"CONTEXT_RATE = {clocks.CONTEXT_RATE}"]
    functions = "\n\n".join(inspect.getsource(function) for function in _FUNCTIONS)
    text = "\n".join((_HEAD, *constants, "\n", functions + _BODY))
    (folder / PROGRAM).write_text(text)


def describe(card: Card, inputs: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What streams.json says: how rows are made, what goes in and comes out, licences.

    Args:
        card: of the recogniser.
        inputs: of the graph.
    """
    task = card.task
    limits = None if task.kind == "classification" else [task.low, task.high]
    return {
        "inputs": inputs,
        "outputs": {"names": list(task.outputs), "level": task.level, "range": limits},
        "logits": task.kind == "classification",
        "clip_frames": card.windows.clip_frames if task.level == "frame" else None,
        "hold": card.windows.hold,
        "look_ahead_ms": card.look_ahead_ms,
        "faces": None if card.faces is None else card.faces.model_dump(mode="json"),
        "streams": {
            modality: {
                "settings": seen.settings.model_dump(mode="json"),
                "parts": [part.model_dump(mode="json") for part in seen.parts],
                "program": [function_of(part.extractor) for part in seen.parts],
            }
            for modality, seen in card.streams.items()
        },
        "licences": {name: licence.as_json() for name, licence in licences_of(card).items()},
        "caveats": _caveats(card),
    }


def function_of(extractor: str) -> str | None:
    """The function of the program that makes an extractor's rows; None where it has none."""
    named = LogMelSettings.model_fields["extractor"].default
    return "log_mel" if extractor in ("logmel", named) else None


def licences_of(card: Card) -> dict[str, Licence]:
    """The licence of every part of the chain, by its name."""
    from features.extractors.registry import EXTRACTORS

    parts = [part for seen in card.streams.values() for part in seen.parts]
    licences = {part.extractor: EXTRACTORS[part.extractor].licence for part in parts}
    if card.faces is not None:
        licences[f"faces: {card.faces.detector}"] = DETECTOR_LICENCES[card.faces.detector]
        if card.faces.subject == "person":
            licences["faces: who is who"] = PERSON_LICENCE
    return licences


def commercial_use(card: Card) -> str:
    """Whether the chain may be used commercially, in a sentence."""
    licences = licences_of(card)
    bound = [f"{name}: {part.text}" for name, part in licences.items() if part.commercial is False]
    if bound:
        return f"commercial use: no ({'; '.join(bound)})"
    unknown = [name for name, part in licences.items() if part.commercial is None]
    if unknown:
        return f"commercial use: as the licences of {', '.join(unknown)} say"
    return "commercial use: no licence of its parts is against it; that of the corpus is not known"


def _caveats(card: Card) -> list[str]:
    caveats = []
    if card.synthetic_corpus:
        caveats.append("trained on made-up faces and voices alone")
    caveats += [f"the weights of {name} are random" for name in card.random_weights]
    return caveats
