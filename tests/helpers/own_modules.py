"""Modules of a user's own, in a folder `extensions/` or as an installed package."""

import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

NETWORK = """
import torch
from torch import nn


class MyNet(nn.Module):
    def __init__(self, features, outputs, level, hidden=8):
        super().__init__()
        self.level = level
        self.layers = nn.ModuleDict({m: nn.Linear(n, hidden) for m, n in features.items()})
        self.head = nn.Linear(hidden, outputs)

    def forward(self, inputs, masks, present):
        hidden = 0
        for m, layer in self.layers.items():
            x = layer(inputs[m]).tanh() * masks[m].unsqueeze(-1)
            hidden = hidden + (x if self.level == "frame" else x.mean(1, keepdim=True))
        return self.head(hidden)
"""

STRATEGY = '''
def every_other(ablation, modality, draws):
    """Every other frame is lost, with probability p."""
    lost = (draws.index % 2 == 1) & draws.mask
    return lost & (draws.per_clip(modality) < ablation.p)


def wrong(ablation, modality, draws):
    return 3
'''


def write(kind: str, name: str, content: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a module importable, as `extensions.NAME` or of an installed package; its name."""
    if kind == "extensions":
        package = folder / "extensions"
        module = f"extensions.{name}"
    else:
        package = folder / "site" / f"package_{name}"
        module = f"package_{name}.{name}"
        paths: Callable[[], dict] = sysconfig.get_paths
        monkeypatch.setattr(
            sysconfig, "get_paths", lambda: {**paths(), "purelib": str(package.parent)}
        )
    package.mkdir(parents=True)
    (package / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(package.parent)
    for loaded in [n for n in sys.modules if n.split(".")[0] in ("extensions", f"package_{name}")]:
        monkeypatch.delitem(sys.modules, loaded)
    return module
