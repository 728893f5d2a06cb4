"""Try a network of your own: what every network has to do, in sentences, before it is trained.

Shapes for every task, padding and batches that change nothing, gradients, export, and the time of a
step, for sound, picture and both.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from features.errors import InputError
from features.settings import Modality
from models.networks.registry import NETWORKS
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors

if TYPE_CHECKING:
    from models.networks.recogniser import Recogniser

SEEN: Mapping[int, list[tuple[Modality, ...]]] = {
    1: [("audio",), ("video",)],
    2: [("audio", "video")],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; the exit status is 1 where anything fails."""
    options = parser().parse_args(arguments)
    with stage_errors(goes_on=False):
        failures = list(check(options.network, options_from(options.options), options.presence))
        for sentence in failures:
            say(f"✗ {sentence}")
        if failures:
            raise SystemExit(1)
        say(f"✓ {options.network} does what every network does")


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.check_network", description=__doc__)
    parser.add_argument("network", help="package.module:Class, or a name of a network")
    parser.add_argument("--options", default="{}", help="its options, such as '{\"width\": 16}'")
    parser.add_argument("--presence", choices=["ignored", "marked", "filled"], default="ignored")
    return parser


def options_from(text: str) -> dict[str, Any]:
    """Options as the command line has them.

    Raises:
        InputError: they are not a JSON object.
    """
    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise InputError(f"--options {text} is not a JSON object", "write '{\"width\": 16}'")
    return options


def check(network: str, options: Mapping[str, Any], presence: str = "ignored") -> Iterator[str]:
    """A sentence for each thing that a network does not do.

    Args:
        network: a row of NETWORKS, or `package.module:Class`.
        options: its own.
        presence: its form.

    Raises:
        InputError: there is no such network, or it refuses its options.
    """
    from pydantic import ValidationError

    from models.networks import contract
    from models.networks.build import build
    from models.settings import ModelSettings, NetworkSize

    size = NetworkSize(dim=8, heads=2, ffn=12, layers=1, dropout=0.0)
    every = [m for count in NETWORKS[network].modalities for m in SEEN[count]]
    for modalities in every:
        features = {m: contract.FEATURES[m] for m in modalities}
        if "video" in features and NETWORKS[network].pictures:
            features["video"] = contract.PICTURE
        for name, task in contract.TASKS.items():
            try:
                settings = ModelSettings.model_validate(
                    {
                        "network": network,
                        "sees": list(modalities),
                        "options": dict(options),
                        "presence": presence,
                    }
                )
                built = build(settings, features, size, task)
            except ValidationError as error:
                said = error.errors(include_url=False)[0]["msg"]
                raise InputError(
                    f"{network} refuses its options ({said})", "correct them"
                ) from error
            where = f"{' and '.join(modalities)}, {name}"
            for sentence in contract.broken(built, len(task.outputs)):
                yield f"{where}: {sentence}"
            if modalities == every[-1] and name in ("frames", "classes"):  # takes seconds
                yield from (f"{where}: {sentence}" for sentence in _exported(built))
            if name == "frames":
                taken = contract.step_milliseconds(built)
                say(f"{where}: a step on 8 clips of 100 frames takes {taken:.1f} ms")


def _exported(network: "Recogniser") -> Iterator[str]:
    """A sentence where a network cannot be exported, or its file says something else."""
    from models.export.checking import TOLERANCE, difference
    from models.export.graph import Graph, SeenRows, inputs_of
    from models.export.writing import write_onnx

    rows = {m: SeenRows((width,), (None,), 1) for m, width in network.features.items()}
    inputs = inputs_of(rows, aligned=True)
    graph = Graph(network.eval(), rows, aligned=True).eval()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        try:
            write_onnx(graph, inputs, file)
            apart = difference(graph, inputs, file)
        except InputError as error:
            yield error.reason
            return
    if apart > TOLERANCE:
        yield f"the exported file and the network are {apart:.1e} apart"


if __name__ == "__main__":
    main()
