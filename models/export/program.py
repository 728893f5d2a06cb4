"""A folder that answers with numpy and onnxruntime alone: how streams are made, and a program.

The program's functions are those of this package, as they stand in its files.
"""

import inspect
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from features.extractors import mel, silence
from features.faces import boxes, causal, cuts, landmarks, search, subject, track
from features.hashes import verify_sha256
from features.licences import Licence
from features.settings import DETECTOR_FILES, DETECTOR_LICENCES, PERSON_LICENCE, FaceSettings
from features.windows import clocks
from models.export import pictures
from models.recogniser import Card

PROGRAM = "recognise.py"
STREAMS = "streams.json"

FACES = "faces.py"
YUNET, EXPRESSION = "yunet.onnx", "expression.onnx"

FUNCTIONS: Mapping[str, str] = {
    "logmel": "recognise.log_mel",
    "mfcc": "recognise.mfcc",
    "expression": "faces.Expression",
}
"""What of the program makes the rows of an extractor; all others are made outside it."""

_SOUND = ("BANDS", "LOWEST", "HIGHEST", "WINDOW", "HOP", "FFT", "FLOOR", "COEFFICIENTS", "_BLOCK")
_SOUNDING: Sequence[Callable[..., Any]] = (
    mel.mel,
    mel.filterbank,
    mel.log_mel,
    mel.mfcc,
    silence.sound_present,
    silence.quiet_rows,
    silence.shortest_run,
    silence.long_runs,
    clocks.frame_centres,
    clocks.context_offsets,
)
_SHOWING: Sequence[Callable[..., Any]] = (
    boxes.area,
    boxes.centres,
    boxes.overlap,
    boxes.best_pairs,
    cuts.is_cut,
    landmarks.leaning,
    search.Sighting,
    subject.total_area,
    subject.total_nearness,
    causal.CausalTrack,
    causal.CausalFace,
    pictures.open_session,
    pictures.area_mean,
    pictures.interpolated,
    pictures.resized,
    pictures.cut_face,
    pictures.YuNet,
    pictures.Faces,
    pictures.Expression,
)

_HEAD = '''"""Answers of the recogniser in this folder: numpy and onnxruntime alone.

    from recognise import Recogniser, log_mel

streams.json says how the rows of each stream are made, and what licence each part has.
"""

from __future__ import annotations

import json
from math import ceil, gcd
from pathlib import Path

import numpy as np
import onnxruntime
'''

_FACES_HEAD = '''"""Crops of the main face, rows of the expression network: numpy and onnxruntime.

    from faces import Expression, Faces
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
'''

_BODY = '''

class Recogniser:
    """The recogniser of a folder: rows in, outputs out."""

    def __init__(self, folder, threads=1):
        self.streams = json.loads((Path(folder) / "streams.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(Path(folder) / "model.onnx"), options)

    def answer(self, rows, index, present, rows_present=None, draws=None):
        """Outputs (clips, frames, outputs), or (clips, 1, outputs) of sequences.

        Each a dict by modality: rows (clips, R, width) float32; index (clips, frames, steps) int64,
        the rows that each frame looks at, -1 for none (`context_index`); present (clips, frames)
        bool; rows_present (clips, R, parts) bool, by default true. For clips without padding.
        draws: by name what a network draws at random, where streams.json lists such inputs.
        """
        feeds = dict(draws or {})
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


def write_program(card: Card, folder: Path) -> None:
    """Write the program of a recogniser's folder, with the networks of faces that it runs.

    Raises:
        InputError: the file of a detector or of the expression network is not there.
    """
    constants = _named(mel, *_SOUND, "SAMPLE_RATE") + _named(clocks, "CONTEXT_RATE")
    text = "\n".join((_HEAD, *constants, "\n", _sources(_SOUNDING) + _BODY))
    (folder / PROGRAM).write_text(text)
    extractors = {part.extractor for seen in card.streams.values() for part in seen.parts}
    if "expression" in extractors:
        write_expression(folder / EXPRESSION)
    if card.faces is not None and finds_faces(card.faces):
        file = card.faces.models.yunet
        assert file is not None  # the schema asks for it
        remedy = f"put there {DETECTOR_FILES['yunet']['yunet']}"
        verify_sha256(file.path, file.sha256, "the file of faces.models.yunet,", remedy)
        shutil.copyfile(file.path, folder / YUNET)
    if (folder / YUNET).exists() or (folder / EXPRESSION).exists():
        constants = [
            *_named(boxes, "MIN_OVERLAP"),
            *_named(cuts, "MOST_LIKENESS", "LEAST_CHANGE"),
            *_named(landmarks, "UPRIGHT"),
            *_named(track, "MAX_GAP"),
            *_named(pictures, "FACE_SCORE", "FACE_OVERLAP", "FACE_STRIDES", "GREY", "SIDE"),
            f"_MIDDLE = {subject.MIDDLE}",
        ]
        ranks = 'RANKS = {"largest": total_area, "central": total_nearness}\n'
        text = "\n".join((_FACES_HEAD, *constants, "\n", _sources(_SHOWING), "", ranks))
        (folder / FACES).write_text(text)


def _named(module: Any, *names: str) -> list[str]:
    """Lines that give constants of a module their values."""
    values = {name: getattr(module, name) for name in names}
    return [
        f"{name} = np.array({value.tolist()})"
        if isinstance(value, np.ndarray)
        else f"{name} = {value!r}"
        for name, value in values.items()
    ]


def _sources(functions: Sequence[Callable[..., Any]]) -> str:
    return "\n\n".join(inspect.getsource(function) for function in functions)


def write_expression(path: Path) -> None:
    """Write the expression network as ONNX, pictures (B, 1, 64, 64) to rows (B, 128)."""
    import torch

    from features.extractors.expression.weights import load_network
    from models.export.writing import write_network

    example = torch.zeros(2, 1, pictures.SIDE, pictures.SIDE)
    write_network(load_network(), example, "pictures", path)


def finds_faces(faces: FaceSettings) -> bool:
    """Whether the program finds faces as these settings say."""
    return faces.detector == "yunet" and faces.subject != "person"


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
        "faces_program": "faces.Faces" if card.faces and finds_faces(card.faces) else None,
        "streams": {
            modality: {
                "settings": seen.settings.model_dump(mode="json"),
                "parts": [part.model_dump(mode="json") for part in seen.parts],
                "program": [FUNCTIONS.get(part.extractor) for part in seen.parts],
            }
            for modality, seen in card.streams.items()
        },
        "licences": {name: licence.as_json() for name, licence in licences_of(card).items()},
        "caveats": _caveats(card),
    }


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
