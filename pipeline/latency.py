"""Measure how long each part of a trained recogniser takes on this machine, by a clip.

For every part: seconds of work for a second of the clip (below 1 it keeps up with what happens),
and for the network the milliseconds of a frame. Written to data/latency, a file a model, with the
machine's name and the date; no stage depends on it, and it is measured again at every run.
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from features.corpora.listing import LATENCY
from features.errors import InputError
from features.extractors.described import Described
from features.settings import Modality
from features.stores.streams import span_of_times
from pipeline.engine.console import console, say
from pipeline.engine.jobs import stage_errors
from pipeline.prediction.given import Files, files_of
from pipeline.prediction.trained import ALLOW, Trained, execution_settings, load_trained

if TYPE_CHECKING:
    from models.recogniser import Card
    from pipeline.streaming.assembling import Assembler

RATE = 30
"""Frames per second of the video that operations are told for."""

SECONDS = 10.0
"""Of the clip, from its beginning, at most: its pictures are held in memory."""


class Taken:
    """The beginning of a clip, in memory (`pipeline.streaming.source.Sink`)."""

    def __init__(self) -> None:
        self.pictures: list[tuple[float, av.VideoFrame, Fraction]] = []
        self.sounds: list[NDArray[np.float32]] = []
        self.start = 0.0

    @property
    def is_full(self) -> bool:
        """Whether it is enough."""
        return self.seconds >= SECONDS

    @property
    def seconds(self) -> float:
        """Of the clip."""
        heard = sum(map(len, self.sounds)) / 16_000
        return max(heard, self.pictures[-1][0] - self.pictures[0][0] if self.pictures else 0.0)

    def found(self, *_: object) -> None:
        """Nothing is to be done."""

    def picture(self, second: float, frame: av.VideoFrame, aspect: Fraction) -> None:
        """Keep a picture."""
        self.pictures.append((second, frame, aspect))

    def sound(self, start: float, samples: NDArray[np.float32]) -> None:
        """Keep sound."""
        self.start = start
        self.sounds.append(samples)


class Stopwatch:
    """Seconds of work by part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count the time of what is done within as a part's."""
        begun = time.perf_counter()
        yield
        self.parts[part] = self.parts.get(part, 0.0) + time.perf_counter() - begun


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.latency", description=__doc__)
    parser.add_argument("clip", nargs="?", help="a video file, ten seconds of which are used")
    parser.add_argument(
        "--features",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="features that the model was given in its training, ten seconds of them",
    )
    parser.add_argument("--model", action="append", required=True, help="of a trained model")
    parser.add_argument("--seed", type=int, help="which run of it")
    parser.add_argument("--allow", metavar="MODULE", action="append", default=[], help=ALLOW)
    options = parser.parse_args(arguments)
    with stage_errors(goes_on=False):
        device = execution_settings().torch_device
        for name in options.model:
            trained = load_trained(name, options.seed, options.allow)
            measured = measure(options.clip, trained, device, files_of(options.features))
            path = LATENCY / f"{trained.name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(measured, indent=1) + "\n")
            show(measured)
            say(f"wrote {path}")


def measure(
    clip: str | None, trained: Trained, device: str, features: Files = MappingProxyType({})
) -> dict[str, Any]:
    """Time every part on the beginning of a clip, one after the other.

    Args:
        clip: the file; None where all that the recogniser sees is given.
        trained: the recogniser.
        device: where networks run.
        features: files of those that it was given in its training.

    Raises:
        InputError: a file cannot be read, is not needed, or lacks what the model needs.
    """
    import torch

    from models.evaluation.causal import STRETCH
    from models.evaluation.cost import Length, flop_per_second, parameters
    from pipeline.streaming.given import given_streams

    card, watch = trained.card, Stopwatch()
    window = card.windows.clip_frames
    given = {m: _beginning(part) for m, part in given_streams(card, features).items()}
    taken = _taken(clip, trained, given, watch)
    seconds = max(taken.seconds, *(span_of_times(part.times)[1] for part in given.values()), 0.0)
    passes = _recognise(trained, taken, given, device, watch)
    per_frame = 1000 * np.array(passes) / STRETCH
    return {
        "model": trained.name,
        "seed": card.seed,
        "weights": trained.weights,
        "machine": platform.node(),
        "processor": platform.processor() or platform.machine(),
        "device": device,
        "threads": torch.get_num_threads(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(seconds, 2),
        "stretch": STRETCH,
        "parameters": parameters(trained.network),
        "flop_per_second": flop_per_second(
            trained.network, Length(dict.fromkeys(card.inputs, window), window / RATE)
        ),
        "ms_per_frame": {
            "p50": round(float(np.percentile(per_frame, 50)), 3),
            "p95": round(float(np.percentile(per_frame, 95)), 3),
        },
        "real_time_factor": {
            part: round(worked / seconds, 4) for part, worked in watch.parts.items()
        },
    }


def _beginning(described: Described) -> Described:
    """The first SECONDS of rows."""
    rows = described.times < described.times[0] + SECONDS
    return Described(described.rows[rows], described.times[rows], described.present[rows])


def _taken(
    clip: str | None, trained: Trained, given: Mapping[Modality, Described], watch: Stopwatch
) -> Taken:
    """Read what a recogniser takes of a clip.

    Raises:
        InputError: the clip cannot be read, is not needed, or is not named.
    """
    from pipeline.streaming.source import Player, Source, Wishes

    taken, streams = Taken(), trained.card.streams
    pictures, sound = (m in streams and m not in given for m in ("video", "audio"))
    if clip is None and (pictures or sound):
        raise InputError(f"{trained.name} needs a file of media", "name one, as CLIP")
    if clip is not None and not (pictures or sound):
        reason = f"{trained.name} takes nothing of {clip}: all that it sees is given"
        raise InputError(reason, "leave CLIP out")
    if clip is not None:
        wishes = Wishes(pictures, sound, paced=False)
        player = Player(Source(clip, "file"), wishes, taken, is_stopped=lambda: taken.is_full)
        with watch.on("reading"):
            player.play()
    return taken


def _recognise(
    trained: Trained,
    taken: Taken,
    given: Mapping[Modality, Described],
    device: str,
    watch: Stopwatch,
) -> list[float]:
    """Run all parts on what was taken or given; the seconds of every pass of the network."""
    from models.evaluation.causal import STRETCH
    from pipeline.streaming.assembling import Assembler
    from pipeline.streaming.given import played

    card = trained.card
    assembler = Assembler(card, trained.network, device, stretch=STRETCH, patient=True)
    for handed in played(given, paced=False, is_stopped=lambda: False, clock=lambda: 0.0):
        handed(assembler)
    if "audio" in card.streams and "audio" not in given:
        _hear(card, taken, device, watch, assembler)
    if "video" in card.streams and "video" not in given:
        _see(card, taken, device, watch, assembler)
    assembler.end(0.0)
    passes: list[float] = []
    answers = assembler.answers()
    while True:
        begun = time.perf_counter()
        with watch.on("network"):
            answer = next(answers, None)
        if answer is None:
            return passes[:-1] or passes  # the last stretch may be a part of one
        if assembler.begins_stretch:
            passes.append(time.perf_counter() - begun)


def _hear(
    card: "Card", taken: Taken, device: str, watch: Stopwatch, assembler: "Assembler"
) -> None:
    """Describe the sound, and hand it to an assembler."""
    from features.extractors.live import load_live

    reached, parts = taken.start, card.streams["audio"].parts
    hearers = [load_live(part, device) for part in parts]
    for samples in taken.sounds:
        reached += len(samples) / 16_000
        described = []
        for hearer, part in zip(hearers, parts, strict=True):
            with watch.on(part.extractor):
                described.append(hearer.feed(samples))
        assembler.sound(taken.start, reached, 0.0, described)
    rest = [hearer.finish() for hearer in hearers]
    assembler.sound(taken.start, reached, 0.0, rest)
    assembler.end_of_sound()


def _see(card: "Card", taken: Taken, device: str, watch: Stopwatch, assembler: "Assembler") -> None:
    """Find faces, describe them, and hand them to an assembler."""
    from models.evaluation.causal import STRETCH
    from pipeline.streaming.pictures import CropDescriber, LiveCrops, Picture, crops_of

    assert card.faces is not None
    numbers = [assembler.picture(second, 0.0) for second, _, _ in taken.pictures]
    shown = [Picture(n, *p) for n, p in zip(numbers, taken.pictures, strict=True)]
    with watch.on("faces"):
        crops = list(crops_of(shown, card.faces, "the clip"))
    parts = card.streams["video"].parts
    describers = [CropDescriber(part, device) for part in parts]
    for first in range(0, len(crops), STRETCH):
        some, columns = crops[first : first + STRETCH], []
        for describer, part in zip(describers, parts, strict=True):
            with watch.on(part.extractor):
                columns.append(describer.describe(LiveCrops.of(some)))
        for crop, *rows in zip(some, *columns, strict=True):
            assembler.rows_of_picture(crop.number, rows)


def show(measured: dict[str, Any]) -> None:
    """Print what was measured."""
    table = Table(title=f"{measured['model']} on {measured['machine']}, {measured['date']}")
    table.add_column("part")
    table.add_column("seconds a second", justify="right")
    for part, factor in measured["real_time_factor"].items():
        table.add_row(part, f"{factor:.3f}")
    console.print(table)
    per_frame = measured["ms_per_frame"]
    say(
        f"{measured['parameters']:,} parameters, {measured['flop_per_second'] / 1e6:.1f} MFLOP a "
        f"second; network {per_frame['p50']:.2f} ms a frame, 95 % {per_frame['p95']:.2f} ms or less"
    )


if __name__ == "__main__":
    main()
