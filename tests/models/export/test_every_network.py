"""Every network of the registry as an ONNX file: the same numbers as in torch."""

import os
from pathlib import Path

import pytest

from models.export.checking import TOLERANCE, difference
from models.export.graph import Graph, SeenRows, inputs_of
from models.export.writing import write_onnx
from models.networks.registry import NETWORKS
from models.recogniser import Normalisation
from tests.helpers.network_cases import FORMS, Case

pytest.importorskip("onnxruntime")

STEPS = 2


def chosen(network: str) -> list[tuple[Case, str, bool]]:
    """A form for each task: as it is, of frames; with all that it can, of classes."""
    forms = [case for case in FORMS if case.network == network]
    # Where it samples, it is refused: tests/models/networks/test_imder.py.
    forms = [case for case in forms if network != "imder" or case.presence == "ignored"]
    most = max(len(case.modalities) for case in forms)
    forms = [case for case in forms if len(case.modalities) == most]
    aligned = most == 1 or not NETWORKS[network].lengths
    known = [case for case in forms if case.repeats == "missing"] or forms
    return [
        (next((case for case in forms if case.presence == "filled"), forms[0]), "frames", True),
        (known[-1], "classes", aligned),
    ]


QUICK = ("crossmodal", "recurrent", "smoother")
"""Networks of which `make test` exports one form: an export takes some twenty seconds."""

WHOLE = bool(os.environ.get("LACUNA_TEST_EXPORTS"))
"""Whether all are, in every form: `LACUNA_TEST_EXPORTS=1 pytest tests/models/export`."""

CHOSEN = [
    form
    for network in NETWORKS
    for form in chosen(network)
    if WHOLE or (network in QUICK and form[1] == "frames")
]


@pytest.mark.parametrize(("case", "task", "aligned"), CHOSEN, ids=str)
def test_a_file_says_what_the_network_says(
    case: Case, task: str, aligned: bool, tmp_path: Path
) -> None:
    network = case.build(task).eval()
    seen = {}
    for modality, width in network.features.items():
        moments = Normalisation(mean=[0.5] * (width // STEPS), std=[2.0] * (width // STEPS))
        seen[modality] = SeenRows((width // STEPS,), (moments,), STEPS)
    inputs = inputs_of(seen, aligned=aligned)
    graph = Graph(network, seen, aligned=aligned).eval()
    write_onnx(graph, inputs, tmp_path / "model.onnx", {})
    assert difference(graph, inputs, tmp_path / "model.onnx") <= TOLERANCE
