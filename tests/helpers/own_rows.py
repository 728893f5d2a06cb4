"""Additions to Lacuna itself, each a row of a table and one new module."""

import re
from dataclasses import dataclass

from tests.helpers import own_project
from tests.helpers.project import Project

CORPUS = (
    own_project.modules()["mycorpus"]
    .replace(
        "def read",
        "from features.settings import Settings\n\n\nclass TinySettings(Settings):\n"
        '    suffix: str = ".mp4"\n\n\ndef read',
    )
    .replace("settings['suffix']", "settings.suffix")
)

EXTRACTOR = '''
"""How loud it is."""

from typing import Literal

import numpy as np

from features.extractors.described import Described
from features.extractors.settings import StreamSettings


class LoudnessSettings(StreamSettings):
    modality: Literal["audio"] = "audio"
    extractor: str = "loudness"
    seconds: float = 0.1


class Loudness:
    def __init__(self, settings, device):
        self.seconds = settings.seconds

    def extract(self, source):
        samples, start = source.sound()
        hop = round(self.seconds * 16_000)
        rows = np.abs(samples[: len(samples) // hop * hop].reshape(-1, hop)).mean(1)
        times = start + np.arange(len(rows)) * self.seconds
        return Described(rows[:, None].astype(np.float32), times, rows > 0.001)
'''

NETWORK = '''
"""Frames by themselves."""

from torch import nn

from models.networks.recogniser import Recogniser
from models.networks.stream import Outputs
from models.settings import Options


class FramewiseOptions(Options):
    bias: bool = True


class Framewise(Recogniser):
    def __init__(self, features, *, size, options, task, presence):
        super().__init__(features, dict.fromkeys(features, size.dim), task, presence)
        self.projections = nn.ModuleDict({m: nn.Linear(n, size.dim) for m, n in features.items()})
        self.head = nn.Linear(size.dim, len(task.outputs), bias=options.bias)

    def project(self, modality, x):
        return self.projections[modality](x)

    def encode(self, modality, stream):
        return stream

    def fuse(self, encoded):
        return Outputs(self.head(sum(encoded[m].x for m in self.modalities).relu()), {})
'''

STRATEGY = '''
"""Pictures come at half their rate."""

from torch import Tensor

from models.ablation.operators import Draws
from models.settings import Ablation, Modality


def halved(ablation: Ablation, modality: Modality, draws: Draws) -> Tensor:
    return (draws.per_clip(modality) < ablation.p) & (draws.index % 2 == 1) & draws.mask
'''

METRIC = '''
"""How far predictions lie above the labels."""


def bias(moments):
    return moments.mean_x - moments.mean_y
'''


@dataclass(frozen=True)
class Addition:
    """A row and its module.

    Attributes:
        registry: file of the table.
        row: as it stands there.
        module: file of the module.
        content: of the module.
    """

    registry: str
    row: str
    module: str
    content: str

    def make(self, project: Project) -> None:
        """Add the row as the table's last, and the module."""
        registry = project.folder / self.registry
        text = registry.read_text()
        table = re.search(r"(?ms)^\w+(?:: \S+)? = Table\(\n.*?\n    \{\n.*?(?=^    \})", text)
        assert table is not None
        registry.write_text(text.replace(table.group(), f"{table.group()}        {self.row}\n"))
        (project.folder / self.module).write_text(self.content)


ADDITIONS = {
    "corpus": Addition(
        "features/corpora/registry.py",
        '"tiny": CorpusRow(code="features.corpora.tiny:read", '
        'settings="features.corpora.tiny:TinySettings"),',
        "features/corpora/tiny.py",
        CORPUS,
    ),
    "extractor": Addition(
        "features/extractors/registry.py",
        '"loudness": Extractor(code="features.extractors.loudness:Loudness", title="loudness", '
        'settings="features.extractors.loudness:LoudnessSettings", modalities=("audio",), '
        "licence=OURS),",
        "features/extractors/loudness.py",
        EXTRACTOR,
    ),
    "network": Addition(
        "models/networks/registry.py",
        '"framewise": Network(code="models.networks.framewise:Framewise", title="Frames alone", '
        'options="models.networks.framewise:FramewiseOptions"),',
        "models/networks/framewise.py",
        NETWORK,
    ),
    "strategy": Addition(
        "models/ablation/registry.py",
        '"halved": Strategy(code="models.ablation.halved:halved", title="Half the rate", '
        'modalities=("video",), leaves="gaps"),',
        "models/ablation/halved.py",
        STRATEGY,
    ),
    "metric": Addition(
        "models/evaluation/registry.py",
        '"bias": Metric(code="models.evaluation.bias:bias", title="bias of means", '
        'meaning="mean error", statistic=MOMENTS, kinds=("regression",)),',
        "models/evaluation/bias.py",
        METRIC,
    ),
}
