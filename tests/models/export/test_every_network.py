"""Every network of the registry as an ONNX file: the same numbers as in torch."""

import os
import random
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import pytest

from models.export.checking import TOLERANCE, difference
from models.export.graph import Graph, SeenRows, inputs_of
from models.export.writing import write_onnx
from models.networks.registry import NETWORKS
from models.recogniser import Normalisation
from tests.helpers.network_cases import FORMS, TASKS, Case, Options

pytest.importorskip("onnxruntime")

STEPS = 2

MORE: dict[str, list[Options]] = {
    "auxformer": [{"blocks": "equations"}],
    "smoother": [{"context": "past"}],
    "mmin": [{}, {"cycle": 0.0}],
}
"""Options that are exported beside those that all tests of networks have."""

OF_ONE_CLOCK = ("frames", "sentiment")
"""Tasks of which two modalities share their frames; of others each has steps of its own."""


class Exported(NamedTuple):
    """One form of one network, and what it is exported for."""

    case: Case
    task: str
    aligned: bool

    def __str__(self) -> str:
        return f"{self.case}-{self.task}-{'aligned' if self.aligned else 'apart'}"


def chosen(network: str) -> list[Exported]:
    """Every presence form with every task; every option in every form, with a task in turn."""
    forms = [case for case in FORMS if case.network == network]
    # Where it samples, it is refused: tests/models/networks/test_imder.py.
    forms = [case for case in forms if network != "imder" or case.presence == "ignored"]
    usual = forms[0].options
    most = max(len(case.modalities) for case in forms)
    plain = [case for case in forms if case.options == usual]
    both = [case for case in plain if len(case.modalities) == most and "audio" in case.modalities]
    options = [c for c in forms if c.options != usual and len(c.modalities) == most]
    options += [replace(both[-1], options=tuple(o.items())) for o in MORE.get(network, [])]
    heard = [case for case in plain if case.modalities == ("audio",) and most > 1]
    pairs = [(case, task) for case in both for task in TASKS]
    pairs += zip([*options, *heard], cycle(TASKS), strict=False)
    return [
        Exported(
            case,
            task,
            task in OF_ONE_CLOCK or len(case.modalities) == 1 or not NETWORKS[network].lengths,
        )
        for case, task in pairs
    ]


WHOLE = bool(os.environ.get("LACUNA_TEST_EXPORTS"))
"""Whether all are exported: `LACUNA_TEST_EXPORTS=1 pytest tests/models/export`, an hour or two."""

SAMPLED = 3
"""How many are in `make test`: an export takes some twenty seconds."""

ALL = [exported for network in NETWORKS for exported in chosen(network)]
CHOSEN = ALL if WHOLE else random.Random(0).sample(ALL, SAMPLED)


@pytest.mark.parametrize("exported", CHOSEN, ids=str)
def test_a_file_says_what_the_network_says(exported: Exported, tmp_path: Path) -> None:
    case = exported.case
    if NETWORKS[case.network].attends:
        case = replace(case, layers=1)  # time goes with the size of the graph
    network = case.build(exported.task).eval()
    seen = {}
    for modality, width in network.features.items():
        moments = Normalisation(mean=[0.5] * (width // STEPS), std=[2.0] * (width // STEPS))
        seen[modality] = SeenRows((width // STEPS,), (moments,), STEPS)
    inputs = inputs_of(seen, aligned=exported.aligned)
    graph = Graph(network, seen, aligned=exported.aligned).eval()
    write_onnx(graph, inputs, tmp_path / "model.onnx")
    assert difference(graph, inputs, tmp_path / "model.onnx") <= TOLERANCE
