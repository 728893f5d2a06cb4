"""The exports of docs/own-extractor.md, on tiny networks with random weights."""

import hashlib

import numpy as np
import pytest
import torch

from features.extractors.onnx.extractor import Onnx
from features.extractors.onnx.settings import OnnxSettings
from tests.helpers.project import ROOT

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

SOUND = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


def export_of_docs(name, heading):
    """The function that the docs define below a heading."""
    text = (ROOT / "docs/own-extractor.md").read_text().split(f"## {heading}")[1]
    block = text.split("```python\n")[1].split("```")[0]
    namespace = {}
    exec(block.split("# with the weights")[0], namespace)  # our own docs
    return namespace[name]


class Heard:
    def sound(self, rate):
        return np.random.default_rng(0).normal(0, 0.1, rate * 3).astype(np.float32), 0.0


@pytest.mark.parametrize("kind", ["Wav2Vec2", "WavLM", "Hubert"])
def test_a_network_of_speech(tmp_path, kind):
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**SOUND)
    network = getattr(transformers, f"{kind}Model")(config).eval()
    path = tmp_path / "speech.onnx"
    export_of_docs("export_speech", "Speech")(network, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    settings = OnnxSettings(modality="audio", path=str(path), sha256=sha256, sound={})
    rows = Onnx(settings, "cpu").extract(Heard()).rows
    samples, _ = Heard().sound(16_000)
    normed = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    with torch.no_grad():
        expected = network(torch.from_numpy(normed)[None]).last_hidden_state[0].numpy()
    np.testing.assert_allclose(rows, expected, atol=1e-4)


def test_a_network_of_pictures(tmp_path):
    torch.manual_seed(0)
    config = transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
        projection_dim=16,
    )
    network = transformers.CLIPVisionModelWithProjection(config).eval()
    path = tmp_path / "clip.onnx"
    export_of_docs("export_pictures", "Pictures")(network, path, 32)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    settings = OnnxSettings(
        modality="video", path=str(path), sha256=sha256, picture={"size": 32, "mean": [0.5]}
    )
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    values = torch.from_numpy((crops / 255 - 0.5).astype(np.float32)).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = network(values).image_embeds.numpy()
    np.testing.assert_allclose(Onnx(settings, "cpu").describe(crops), expected, atol=1e-4)
