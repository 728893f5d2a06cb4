"""Run a trained recogniser on what is happening: a line of JSON for every frame, as it comes.

SOURCE is a file, played at its own pace; - for a pipe; an address (rtsp://, http://, ...); a
camera's number, or KIND:NAME as FFmpeg calls it (v4l2:/dev/video0, avfoundation:0). A microphone is
given by --sound, such as alsa:default. Features in files are given by --features.

Frames that cannot be kept up with are dropped, and count as missing. A file ends with status 0.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from features.errors import InputError
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.prediction.given import files_of
from pipeline.prediction.people import people_sentence
from pipeline.prediction.table import NOT_CAUSAL, caveats_of
from pipeline.prediction.trained import ALLOW, execution_settings, load_trained

MOST_LAGS = 1_000_000
"""Frames, nine hours of them, whose lag is kept for the summary."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    options = parser().parse_args(arguments)
    with stage_errors(goes_on=False):
        if options.stretch < 1:
            raise InputError(f"--stretch is {options.stretch}", "give at least 1")
        recognise(options)


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    from models.evaluation.causal import STRETCH

    parser = argparse.ArgumentParser(
        prog="python -m pipeline.live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="what is seen and heard")
    parser.add_argument(
        "--features",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="features that the model was given in its training, played at their own pace",
    )
    parser.add_argument("--sound", metavar="SOURCE", help="what is heard, if it is another source")
    parser.add_argument("--model", required=True, help="name of a trained model, or its folder")
    parser.add_argument("--seed", type=int, help="which run of it")
    parser.add_argument(
        "--stretch",
        type=int,
        default=STRETCH,
        help="frames that are answered together (default: %(default)s); fewer lag less, cost more",
    )
    parser.add_argument(
        "--every-frame",
        action="store_true",
        help="drop nothing: a file is read as fast as it is recognised, a pipe is made to wait",
    )
    parser.add_argument(
        "--person",
        metavar="WHO",
        default="",
        help="who of several people: a number, in the order of coming into view, or a picture",
    )
    parser.add_argument("--to", metavar="HOST:PORT", help="socket to write to (default: stdout)")
    parser.add_argument("--window", action="store_true", help="show the values in the terminal")
    parser.add_argument("--allow", metavar="MODULE", action="append", default=[], help=ALLOW)
    return parser


def recognise(options: argparse.Namespace) -> None:
    """Recognise a source until its end."""
    from pipeline.streaming.output import line_of, outlet, view
    from pipeline.streaming.run import Live
    from pipeline.streaming.source import Source

    trained = load_trained(options.model, options.seed, options.allow)
    task = trained.card.task
    notes = [trained.note] if trained.note else []
    offers = trained.calibration is not None and trained.calibration.note
    notes += [NOT_CAUSAL] if offers else []
    if task.level == "sequence":
        notes.append(
            f"{trained.name} answers whole sequences: here it takes the last "
            f"{trained.card.windows.clip_frames} frames for one, which no evaluation measures"
        )
    for sentence in (*notes, *caveats_of(trained.card)):
        say(sentence)
    live = Live(
        None if options.source is None else Source.of(options.source),
        trained,
        execution_settings().torch_device,
        sound=None if options.sound is None else Source.of(options.sound),
        features=files_of(options.features),
        stretch=options.stretch,
        every_frame=options.every_frame,
        person=options.person,
        say=say,
    )
    waits = ", ".join(f"{part} {1000 * s:.0f} ms" for part, s in live.look_ahead.items())
    say(f"look-ahead, part of every lag: {waits}")
    lags: list[float] = []
    dropped = 0
    with outlet(options.to) as write, view(task, shown=options.window) as show:
        for answer in live.answers():
            lag = live.clock() - answer.arrival
            people = None if trained.card.faces is None else len(live.seconds_of_people)
            write(line_of(answer, lag, task, people=people))
            show(answer, lag)
            dropped += answer.dropped
            if len(lags) < MOST_LAGS:
                lags.append(lag)
    if came := live.seconds_of_people:
        say(people_sentence(came))
    if lags:
        middle, high = np.percentile(lags, [50, 95])
        say(f"{len(lags)} frames, {dropped} dropped; lag {middle:.2f} s, 95 % {high:.2f} s or less")


if __name__ == "__main__":
    main()
