"""A project with additions of one's own: those that extensions/README.md shows."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from tests.helpers.face_factory import portrait
from tests.helpers.media_factory import make_video, tone
from tests.helpers.project import ROOT, Project, merge

README = ROOT / "extensions/README.md"
SPLITS = {"train": ("ann", "ben", "cat", "dan"), "test": ("eve", "fay")}
FPS, FRAMES = 10, 20


def blocks(language: str) -> list[str]:
    """The code blocks of the README."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", README.read_text())


def settings() -> dict[str, Any]:
    """What its blocks of YAML say together."""
    together: dict[str, Any] = {}
    for block in blocks("yaml"):
        merge(together, YAML(typ="safe").load(block))
    return together


def names() -> list[str]:
    """The `package.module:name` that its settings have."""
    return sorted(set(re.findall(r"\bextensions\.\w+:\w+", "".join(blocks("yaml")))))


def modules() -> dict[str, str]:
    """Its blocks of Python, by the names of the modules that its settings give them."""
    found = {}
    for name in names():
        module, _, inner = name.removeprefix("extensions.").partition(":")
        (found[module],) = (b for b in blocks("python") if re.search(rf"\b{inner}\b", b))
    return found


def write_clips(folder: Path) -> None:
    """Write the corpus that the README's reader reads: faces, tones and labels."""
    rng = np.random.default_rng(0)
    for split, speakers in SPLITS.items():
        for number, speaker in enumerate(speakers):
            place = folder / split / speaker
            place.mkdir(parents=True)
            times = np.arange(FRAMES) / FPS
            labels = 0.8 * np.sin(3 * times[:, None] + rng.uniform(0, 6, 2))
            face, _ = portrait(60 + 10 * number)
            lit = [
                np.clip(face * (1 + 0.4 * valence), 0, 255).astype(np.uint8)
                for valence in labels[:, 0]
            ]
            volume = np.repeat(0.5 + 0.4 * labels[:, 1], 16_000 // FPS).astype(np.float32)
            make_video(place / "1.mp4", lit, FPS, sound=tone(FRAMES / FPS) * volume)
            table = pd.DataFrame(labels, columns=["valence", "arousal"])
            table.assign(time=times).to_csv(place / "1.csv", index=False)


def set_params(project: Project, sections: dict[str, Any]) -> None:
    """Put whole sections, or `section.key`, in place of those of params.yaml."""
    yaml = YAML()
    path = project.folder / "params.yaml"
    content = yaml.load(path)
    for place, value in sections.items():
        *above, last = place.split(".")
        within = content
        for key in above:
            within = within[key]
        within[last] = value
    yaml.dump(content, path)
