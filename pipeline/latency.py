"""Measure how long each part of a trained recogniser takes on this machine, by a clip.

For every part: seconds of work for a second of the clip (below 1 it keeps up with what happens),
and for the network the milliseconds of a frame. Written to data/latency, a file a model, with the
machine's name and the date; no stage depends on it, and it is measured again at every run.
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from features.corpora.listing import LATENCY
from pipeline.engine.console import console, say
from pipeline.engine.jobs import stage_errors
from pipeline.prediction.trained import ALLOW, Trained, execution_settings, load_trained

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
    parser.add_argument("clip", help="a video file, ten seconds of which are used")
    parser.add_argument("--model", action="append", required=True, help="of a trained model")
    parser.add_argument("--seed", type=int, help="which run of it")
    parser.add_argument("--allow", metavar="MODULE", action="append", default=[], help=ALLOW)
    options = parser.parse_args(arguments)
    with stage_errors(goes_on=False):
        device = execution_settings().torch_device
        for name in options.model:
            trained = load_trained(name, options.seed, options.allow)
            measured = measure(options.clip, trained, device)
            path = LATENCY / f"{trained.name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(measured, indent=1) + "\n")
            show(measured)
            say(f"wrote {path}")


def measure(clip: str, trained: Trained, device: str) -> dict[str, Any]:
    """Time every part on the beginning of a clip, one after the other.

    Args:
        clip: the file.
        trained: the recogniser.
        device: where networks run.

    Raises:
        InputError: the file cannot be read, or lacks what the model needs.
    """
    import torch

    from models.evaluation.causal import STRETCH
    from models.evaluation.cost import Length, flop_per_second, parameters
    from pipeline.streaming.source import Player, Source, Wishes

    card, watch, taken = trained.card, Stopwatch(), Taken()
    window = card.windows.clip_frames
    wishes = Wishes("video" in card.streams, "audio" in card.streams, paced=False)
    player = Player(Source(clip, "file"), wishes, taken, is_stopped=lambda: taken.is_full)
    with watch.on("reading"):
        player.play()
    passes = _recognise(trained, taken, device, watch, STRETCH)
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
        "seconds": round(taken.seconds, 2),
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
            part: round(seconds / taken.seconds, 4) for part, seconds in watch.parts.items()
        },
    }


def _recognise(
    trained: Trained, taken: Taken, device: str, watch: Stopwatch, stretch: int
) -> list[float]:
    """Run all parts on what was taken; gives the seconds of every pass of the network."""
    from features.extractors.live import load_live
    from pipeline.streaming.assembling import Assembler
    from pipeline.streaming.pictures import CropDescriber, LiveCrops, Picture, crops_of

    card = trained.card
    assembler = Assembler(card, trained.network, device, stretch=stretch, patient=True)
    if "audio" in card.streams:
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
    if "video" in card.streams:
        assert card.faces is not None
        numbers = [assembler.picture(second, 0.0) for second, _, _ in taken.pictures]
        shown = [Picture(n, *p) for n, p in zip(numbers, taken.pictures, strict=True)]
        with watch.on("faces"):
            crops = list(crops_of(shown, card.faces, "the clip"))
        parts = card.streams["video"].parts
        describers = [CropDescriber(part, device) for part in parts]
        for first in range(0, len(crops), stretch):
            some, columns = crops[first : first + stretch], []
            for describer, part in zip(describers, parts, strict=True):
                with watch.on(part.extractor):
                    columns.append(describer.describe(LiveCrops.of(some)))
            for crop, *rows in zip(some, *columns, strict=True):
                assembler.rows_of_picture(crop.number, rows)
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
