"""The folder of an exported recogniser."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from features.errors import InputError
from features.extractors.settings import LogMelSettings
from features.settings import WindowSettings
from features.task import Task
from features.windows.normaliser import Normaliser
from models.evaluation.evaluator import predict
from models.export.checking import TOLERANCE, answered, difference, losses, run, session
from models.export.folder import export, graph_of
from models.export.graph import Graph, GraphInput, SeenRows, inputs_of
from models.export.program import commercial_use
from models.export.writing import write_onnx
from models.networks.blocks import sinusoids
from models.networks.build import build
from models.networks.plain import Plain
from models.networks.recogniser import Recogniser
from models.recogniser import Card, Normalisation, SeenStream
from models.settings import ModelSettings, NetworkSize, Options, TrainSettings
from models.training.data import ClipData
from tests.helpers.planted import planted_stores

pytest.importorskip("onnxruntime")

SIZE = NetworkSize(dim=8, heads=2, ffn=12, layers=1, dropout=0.0)
ROWS = 64
STEPS = 6


def recogniser() -> tuple[Card, Recogniser]:
    """A network of logmel with 0.2 s of context, that was never trained, and its card."""
    task = Task()
    model = ModelSettings(network="unimodal", sees=["voice"])
    rng = np.random.default_rng(0)
    moments = Normalisation(mean=rng.normal(size=ROWS).tolist(), std=[1.5] * ROWS)
    stream = LogMelSettings(modality="audio", extractor="logmel", context_seconds=STEPS / 30)
    torch.manual_seed(0)
    network = build(model, {"audio": ROWS * STEPS}, SIZE, task, Options())
    card = Card(
        name="voice",
        seed=0,
        synthetic_corpus=True,
        given_features=False,
        task=task,
        model=model,
        train=TrainSettings(network=SIZE),
        options={},
        inputs={"audio": ROWS * STEPS},
        precision="fp32",
        epochs=1,
        best_epoch=1,
        faces=None,
        streams={"audio": SeenStream(settings=stream, parts=[stream], moments=[moments])},
        windows=WindowSettings(),
    )
    return card, network.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    export(*recogniser(), out)
    return out


def test_it_has_the_graph_how_streams_are_made_licences_and_a_program(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {"model.onnx", "streams.json", "recognise.py"}
    described = json.loads((folder / "streams.json").read_text())
    assert described["licences"] == {
        "logmel": {"licence": "Lacuna's own (MIT)", "commercial": True}
    }
    assert described["outputs"]["range"] == [-1, 1]
    assert described["streams"]["audio"]["program"] == ["recognise.log_mel"]
    assert "made-up" in described["caveats"][0]
    meta = session(folder / "model.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(meta["streams"]) == described
    assert Card.model_validate_json(meta["card"]).name == "voice"
    assert "no licence of its parts is against it" in commercial_use(recogniser()[0])


def test_two_exports_have_the_same_bytes_and_nothing_of_this_machine(
    folder: Path, tmp_path: Path
) -> None:
    export(*recogniser(), tmp_path)
    content = (folder / "model.onnx").read_bytes()
    assert content == (tmp_path / "model.onnx").read_bytes()
    assert str(Path(__file__).parents[3]).encode() not in content
    assert b".py" not in content


NO_TORCH = "import sys; sys.modules['torch'] = None  # whoever imports it fails\n"


def example() -> str:
    """The example of docs/export.md."""
    page = (Path(__file__).parents[3] / "docs/export.md").read_text()
    return page.split("```python\n")[1].split("```")[0]


def test_the_program_needs_no_torch(folder: Path) -> None:
    from features.extractors.mel import log_mel
    from features.windows.clocks import Clock, context_offsets, frame_centres

    card, network = recogniser()
    samples = np.random.default_rng(1).normal(size=16_000).astype(np.float32) / 10
    np.save(folder / "samples.npy", samples)
    subprocess.run([sys.executable, "-c", NO_TORCH + example()], cwd=folder, check=True)
    for name in ("samples.npy", "answers.npz"):
        kept = folder / name
        if name == "answers.npz":
            with np.load(kept) as answers:
                outputs, index = answers["outputs"], answers["index"]
        kept.unlink()
    rows = log_mel(samples)
    clock = Clock(np.arange(len(rows)) / 100, (0.0, 1.0), 0.025, 100.0)
    centres = frame_centres(np.arange(30) / 30)
    expected = clock.rows_at(centres[:, None] + context_offsets(STEPS / 30))
    assert np.array_equal(index, expected)
    (moments,) = card.streams["audio"].moments
    assert moments is not None
    normaliser = Normaliser(np.array(moments.mean), np.array(moments.std))
    normed = np.vstack((np.zeros((1, ROWS)), normaliser.apply(rows, np.ones(len(rows), bool))))
    x = torch.tensor(normed[expected + 1], dtype=torch.float32).flatten(1)[None]
    mask = {"audio": torch.ones(1, 30, dtype=torch.bool)}
    with torch.inference_mode():
        answered = network({"audio": x}, mask, mask).fused.numpy()
    assert np.abs(outputs - answered).max() < 1e-5


def test_it_says_what_predict_says_of_a_batch(tmp_path: Path) -> None:
    stores = planted_stores(tmp_path, items=2, frames=30, clip_frames=30, missing=0.2)
    data = ClipData(*stores, ["item-0", "item-1"], preload_bytes=1 << 30)
    torch.manual_seed(0)
    model = ModelSettings(network="crossmodal", presence="marked")
    network = build(model, data.features, SIZE, data.task).eval()
    batch = data.batch([0, 1])
    seen = {
        m: SeenRows((part.rows.shape[2],), (None,), part.index.shape[2])
        for m, part in batch.streams.items()
    }
    inputs = inputs_of(seen, aligned=True)
    file = tmp_path / "model.onnx"
    write_onnx(Graph(network, seen, aligned=True).eval(), inputs, file)
    feeds = {"mask": batch.mask}
    for m, part in batch.streams.items():
        feeds |= {f"{m}_rows": part.rows[:, 1:].float(), f"{m}_index": part.index - 1}
        feeds[f"{m}_present"] = part.present
    answered = run(session(file), feeds)
    expected = predict(network, data, torch.device("cpu"), 2)
    for clip, item in enumerate(expected.values()):
        assert np.abs(answered[clip] - item).max() < 1e-5


class Drawing(nn.Module):
    """A network that draws numbers in every pass."""

    def __init__(self, features: dict[str, int], outputs: int, level: str) -> None:  # noqa: ARG002
        super().__init__()
        self.head = nn.Linear(sum(features.values()), outputs)

    def forward(self, inputs: dict, masks: dict, present: dict) -> torch.Tensor:  # noqa: ARG002
        x = torch.cat(list(inputs.values()), -1)
        return self.head(x + torch.randn_like(x)) + torch.rand(x.shape[0], x.shape[1], 1) - 0.5


class Placed(Drawing):
    """A network that knows where a frame is, and nothing else of it."""

    def __init__(self, features: dict[str, int], outputs: int, level: str) -> None:  # noqa: ARG002
        super().__init__({"audio": 64}, outputs, level)

    def forward(self, inputs: dict, masks: dict, present: dict) -> torch.Tensor:  # noqa: ARG002
        clips, frames, _ = inputs["audio"].shape
        places = sinusoids(torch.arange(frames), 64)
        return self.head(10 * places).expand(clips, -1, -1)


class Tossing(Drawing):
    """A network that tosses coins."""

    def forward(self, inputs: dict, masks: dict, present: dict) -> torch.Tensor:  # noqa: ARG002
        x = torch.cat(list(inputs.values()), -1)
        return self.head(x * torch.bernoulli(torch.full_like(x, 0.5)))


class Branching(Drawing):
    """A network whose shapes depend on its input."""

    def forward(self, inputs: dict, masks: dict, present: dict) -> torch.Tensor:  # noqa: ARG002
        x = torch.cat(list(inputs.values()), -1)
        return self.head(x if x.sum() > 0 else -x)


def graph_of_own(network: type[nn.Module]) -> tuple[Graph, list[GraphInput]]:
    plain = Plain.of(network, {"audio": 3}, Options(), Task()).eval()
    seen = {"audio": SeenRows((3,), (None,), 1)}
    return Graph(plain, seen, aligned=True), inputs_of(seen, aligned=True)


def test_places_are_the_same_after_a_thousand_frames(tmp_path: Path) -> None:
    graph, inputs = graph_of_own(Placed)
    write_onnx(graph.eval(), inputs, tmp_path / "model.onnx")
    assert difference(graph, inputs, tmp_path / "model.onnx") <= TOLERANCE


def test_what_a_network_draws_is_an_input_of_the_file(tmp_path: Path) -> None:
    graph, inputs = graph_of_own(Drawing)
    file = tmp_path / "model.onnx"
    *known, normal, uniform = write_onnx(graph.eval(), inputs, file)
    assert known == inputs
    shape = ("batch", "frames")
    meaning = "normal random numbers, mean 0, scale 1"
    assert normal == GraphInput("draws_0", "float32", (*shape, 3), meaning)
    meaning = "uniform random numbers, low 0, high 1"
    assert uniform == GraphInput("draws_1", "float32", (*shape, 1), meaning)
    assert difference(graph, inputs, file) <= TOLERANCE
    _, feeds = answered(graph, losses(graph, inputs, 2, 5))
    first = run(session(file), feeds)
    assert np.array_equal(run(session(file), feeds), first)
    feeds["draws_0"] = torch.zeros_like(feeds["draws_0"])
    assert np.abs(run(session(file), feeds) - first).max() > 0.01


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (Tossing, "Tossing draws events or classes at random"),
        (Branching, "Branching cannot be exported"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_sentence(
    network: type, sentence: str, tmp_path: Path
) -> None:
    graph, inputs = graph_of_own(network)
    with pytest.raises(InputError, match=sentence) as refused:
        write_onnx(graph, inputs, tmp_path / "x.onnx")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "x.onnx").exists()


def test_a_torch_program_is_loaded_without_the_network_s_code(tmp_path: Path) -> None:
    card, network = recogniser()
    file = export(card, network, tmp_path, "torch")
    graph, inputs = graph_of(card, network)
    feeds = losses(graph, inputs, 3, 37)
    with torch.inference_mode():
        answered = torch.export.load(file).module()(*feeds.values())
        expected = graph(*feeds.values())
    assert torch.allclose(answered, expected, atol=1e-6)


def test_a_file_that_is_another_network_s_is_found_out(folder: Path) -> None:
    card, network = recogniser()
    graph, inputs = graph_of(card, network)
    assert difference(graph, inputs, folder / "model.onnx") < 1e-5
    with torch.no_grad():
        network.head.bias += 0.1
    assert difference(graph, inputs, folder / "model.onnx") > 1e-2
