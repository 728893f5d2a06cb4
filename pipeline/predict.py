"""Run trained recognisers on any videos: of each a CSV with a row per frame, a figure and a page.

A model of sequences gives one row; a figure of it is drawn of classes only.

Works without sound, without a face, or without both, and says what was missing. Of cameras, pipes
and addresses `python -m pipeline.live` is the command.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from features.errors import InputError
from pipeline.engine.console import say
from pipeline.engine.jobs import Failure, StageFailedError, stage_errors
from pipeline.prediction import Prediction, predict_all
from pipeline.prediction.drawing import draw, write_page
from pipeline.prediction.given import files_of
from pipeline.prediction.table import write_csv
from pipeline.prediction.trained import ALLOW


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    options = parser().parse_args(arguments)
    with stage_errors(goes_on=False):
        with writing_to(options.out):  # found out before the work, not after it
            options.out.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=options.out).close()
        failures: list[Failure] = []
        written: dict[str, Path] = {}
        for outcome in predict_all(
            options.clips,
            options.model,
            features=files_of(options.features),
            seed=options.seed,
            causal=options.causal,
            person=options.person,
            people=options.people,
            allow=options.allow,
        ):
            if isinstance(outcome, Failure):
                failures.append(outcome)
                if outcome.trace:
                    say(outcome.trace)
            elif (other := written.get(outcome.file_stem)) is not None:
                reason = f"its results would overwrite those of {other}"
                name = f"{outcome.clip}, {outcome.model}"
                failures.append(Failure(name, reason, "rename it, or name another folder"))
            else:
                written[outcome.file_stem] = outcome.clip
                publish(outcome, options.out)
        if len(failures) == 1 and not written:
            raise InputError(failures[0].reason, failures[0].remedy)
        if failures:
            raise StageFailedError("predict", failures, len(written))


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__)
    parser.add_argument("clips", metavar="CLIP", nargs="*", help="a video or sound file")
    parser.add_argument(
        "--features",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="features that the model was given in its training, by their name or modality",
    )
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        help="name of a trained model, or the folder of one; several times for several",
    )
    parser.add_argument(
        "--seed", type=int, help="which run of it (default: which the speakers who choose prefer)"
    )
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the results")
    parser.add_argument(
        "--causal", action="store_true", help="answer every frame from the past alone, as live"
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--person",
        metavar="WHO",
        default="",
        help="who of several people: a number as this command says them, left, right or a picture",
    )
    who.add_argument("--people", action="store_true", help="for each of several people")
    parser.add_argument("--allow", metavar="MODULE", action="append", default=[], help=ALLOW)
    return parser


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn a failure to write into an InputError."""
    try:
        yield
    except OSError as error:
        reason = f"results cannot be written to {folder} ({error.strerror or error})"
        raise InputError(reason, "name another folder with --out") from error


def publish(prediction: Prediction, folder: Path) -> None:
    """Write the files of a prediction, and say what was found."""
    base = folder / prediction.file_stem
    csv, figure, page = (base.with_name(f"{base.name}.{s}") for s in ("csv", "png", "html"))
    with writing_to(folder):
        write_csv(prediction, csv)
        files = [csv, figure] if draw(prediction, figure) else [csv]
        write_page(prediction, page, files)
    for sentence in (*prediction.notes, *prediction.caveats):
        say(sentence)
    names = [str(file) for file in (*files, page)]
    say(f"wrote {', '.join(names[:-1])} and {names[-1]}")


if __name__ == "__main__":
    main()
