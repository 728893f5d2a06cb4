"""Features of one's own through the stages, from the shortest params.yaml."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.helpers.project import Project

SHORT = """\
corpus: {name: folder, root: my/features}
streams:
  face:  {modality: video, extractor: given}
  voice: {modality: audio, extractor: given}
models:
  both:  {network: crossmodal, sees: [voice, face]}
  voice: {network: unimodal, sees: [voice]}
"""
QUICK = {
    "train": {
        "seeds": [0],
        "epochs": 1,
        "heldout": 0.4,
        "network": {"dim": 8, "heads": 2, "ffn": 8, "layers": 1},
    },
    "evaluate": {
        "trials": 1,
        "conditions": [{"strategy": "clip_zero", "p": [1.0, 0.0]}],
        "reference": None,
    },
}
SPLITS = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
STAGES = ("corpus", "faces", "extract face", "extract voice", "windows")


def write_items(root, columns: dict[str, list[object]]) -> list[str]:
    """Features of eight items, the picture at 25 rows a second, the sound at 40."""
    random = np.random.default_rng(0)
    names = [f"clip{number}" for number in range(len(SPLITS))]
    for stream, rate, width in (("face", 25.0, 6), ("voice", 40.0, 4)):
        folder = root / "features" / stream
        folder.mkdir(parents=True)
        for name in names:
            rows = random.normal(size=(int(3 * rate), width)).astype(np.float32)
            np.savez(folder / f"{name}.npz", features=rows, rate=rate)
    table = pd.DataFrame({"item": names, "speaker": names, "split": SPLITS, **columns})
    table.to_csv(root / "items.csv", index=False)
    return names


@pytest.fixture(scope="module")
def own(make_project: Callable[[], Project]) -> Project:
    """Features of one's own, with a target per item and a short params.yaml, to the windows."""
    project = make_project()
    trust = [10, 90, 40, 60, 20, 80, 30, 70]
    write_items(project.folder / "my/features", {"trust": trust, "group_age": list("aabbabab")})
    (project.folder / "params.yaml").write_text(SHORT)
    project.params({**QUICK, "corpus": {"folder": {"targets": {"trust": [0, 100]}}}})
    project.run("python", "-m", "pipeline.params", "--write")
    for stage in ("keys", *STAGES):
        project.run("python", "-m", *f"pipeline.{stage}".split())
    return project


def test_a_short_file_is_trained_and_evaluated_in_the_units_of_the_target(own: Project) -> None:
    own.run("python", "-m", "pipeline.train", "both")
    own.run("python", "-m", "pipeline.evaluate", "both")
    answers = pd.read_csv(own.folder / "reports/results/videos/both.csv")
    assert sorted(answers["annotated"]) == [30, 70]
    assert answers["predicted"].between(0, 100).all()
    scores = pd.read_csv(own.folder / "reports/results/evaluation/both.csv")
    intact = scores[(scores["p"] == 0) & (scores["subset"] == "all")].iloc[0]
    errors = (answers["predicted"] - answers["annotated"]).to_numpy()
    assert intact["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
    of = [f"{name}=my/features/features/{name}/clip7.npz" for name in ("voice", "face")]
    own.run(
        *("python", "-m", "pipeline.predict", "--model", "both", "--out", "predicted"),
        *("--features", of[0], "--features", of[1]),
    )
    (predicted,) = (own.folder / "predicted").glob("*.both.csv")
    value = pd.read_csv(predicted, comment="#")["trust"].item()
    of_clip = answers.loc[answers["item"] == "clip7", "predicted"].item()
    assert value == pytest.approx(of_clip, abs=1e-3)
    items = pd.read_parquet(own.folder / "data/corpus/items.parquet")
    assert items["group_age"].tolist() == list("aabbabab")
    groups = pd.read_parquet(own.folder / "reports/results/groups/both.parquet")
    assert groups[groups["lost"] == "none"]["group"].tolist() == ["everybody", "a", "b"]
    assert groups.loc[groups["group"] == "everybody", "replicates"].iloc[0][0] == pytest.approx(
        intact["ccc"], abs=1e-5
    )


def test_what_is_wrong_is_named_by_item_and_the_rest_goes_on(own: Project) -> None:
    face = own.folder / "my/features/features/face"
    kept = {path: path.read_bytes() for path in face.iterdir()}
    try:
        np.savez(face / "clip0.npz", features=np.full((75, 6), np.nan), rate=25.0)
        np.savez(face / "clip1.npz", features=np.ones((75, 5)), rate=25.0)
        np.savez(face / "clip2.npz", features=np.ones((75, 6)), rate=2.5)
        (face / "clip3.npz").unlink()
        said = own.run("python", "-m", "pipeline.corpus", "--check", fails=True)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert "clip0.npz row 0 column 0 is nan, and 75 of 75 rows are not finite" in said
    assert "its face has 5 numbers a row, other items have 6" in said
    assert "face lasts 30 s, but voice 3 s" in said
    assert "clip3.npz" in said
    assert "4 items" in said, "the rest goes on"
