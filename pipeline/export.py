"""Write a trained recogniser as a folder that runs without Lacuna: ONNX, and how to feed it.

`--check` compares it with the recogniser, and says how large and how fast it is and whether the
chain may be used commercially.
"""

import argparse
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from features.errors import InputError
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.prediction.trained import ALLOW, Trained, load_trained


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    options = parser().parse_args(arguments)
    with stage_errors(goes_on=False):
        needed = ("onnx", "onnxruntime", "onnxscript") if options.format == "onnx" else ()
        missing = [name for name in needed if find_spec(name) is None]
        if missing:
            raise InputError(
                f"export needs {' and '.join(missing)}", "install the extra: pip install .[onnx]"
            )
        if options.check and options.format == "torch":
            raise InputError("--check is of ONNX files", "leave out --check, or --format torch")
        trained = load_trained(options.model, options.seed, options.allow)
        from models.export.folder import export

        file = export(trained.card, trained.network, options.out, options.format)
        if trained.note:
            say(trained.note)
        say(f"wrote {file} and what it needs beside it")
        if options.check:
            check(trained, file)


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.export", description=__doc__)
    parser.add_argument("model", help="name of a trained model, or the folder of one")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument(
        "--seed", type=int, help="which run of it (default: which the speakers who choose prefer)"
    )
    parser.add_argument("--format", choices=["onnx", "torch"], default="onnx")
    parser.add_argument("--check", action="store_true", help="compare it with the recogniser")
    parser.add_argument("--allow", metavar="MODULE", action="append", default=[], help=ALLOW)
    return parser


def check(trained: Trained, file: Path) -> None:
    """Say how an ONNX file compares with its recogniser.

    Raises:
        InputError: it says something else.
    """
    from models.export.checking import TOLERANCE, difference, milliseconds
    from models.export.folder import graph_of
    from models.export.program import commercial_use

    graph, inputs = graph_of(trained.card, trained.network)
    apart = difference(graph, inputs, file)
    say(f"parity: at most {apart:.1e} apart, batches of 1 and 3, 1, 37 and 1000 frames")
    say(f"size: {file.stat().st_size / 1e6:.2f} MB")
    one, every = (milliseconds(graph, inputs, file, threads) for threads in (1, 0))
    say(f"latency: {one:.1f} ms per 100 frames with one thread, {every:.1f} ms with all")
    say(f"processors: {os.cpu_count()}")
    say(commercial_use(trained.card))
    if apart > TOLERANCE:
        raise InputError(
            f"the file and the recogniser are {apart:.1e} apart, more than {TOLERANCE:.0e}",
            "do not use it",
        )


if __name__ == "__main__":
    main()
