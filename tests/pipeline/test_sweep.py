"""The sweep over p of training, from commits and experiments as DVC keeps them."""

import itertools
import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from models.evaluation.registry import CHOOSING, REPORTED
from pipeline.sweep import Run, alike, findings, sweep
from reports.numbers.schema import CONDITION
from reports.numbers.sweep import best_trained, swept

TESTED = (0.0, 0.5, 1.0)
SETTINGS = {"models.m.ablation.p": 0.5, "models.m.ablation.strategy": "clip_zero", "seed": 1}


def evaluation(trained: float) -> pd.DataFrame:
    """What an evaluation writes; models keep most where they were trained as they are tested."""
    rows = []
    for speakers, modality, p, seed, target in itertools.product(
        (REPORTED, CHOOSING), ("video", "audio"), TESTED, (0, 1), ("valence", "arousal")
    ):
        score = 0.8 - 0.3 * p - 0.2 * abs(p - trained) + 0.02 * seed
        score += 0.1 if target == "arousal" else 0.0
        rows.append((speakers, modality, p, seed, target, score))
    table = pd.DataFrame(rows, columns=["speakers", "modality", "p", "seed", "target", "ccc"])
    same = {"model": "m", "asked": 1, "trial": 0, "strategy": "clip_zero", "burst": 0, "n": 10}
    same |= {"fill": "none", "unit": "window", "drawn": "anew", "rates": "equal"}
    table = table.assign(**same, causal=0, subset="all")
    assert set(CONDITION) <= set(table)
    return table


def run(name: str, **changed: object) -> Run:
    return Run(name, name, SETTINGS | {key.replace("__", "."): v for key, v in changed.items()})


def test_means_over_targets_by_both_probabilities() -> None:
    table = swept({p: evaluation(p) for p in (0.2, 0.8)}, "ccc", "clip_zero")
    assert len(table) == 2 * 2 * 2 * 3
    assert table["n"].eq(2).all()
    of = table.set_index(["speakers", "trained", "modality", "tested"])["value"]
    # .8 - .3 - .2 * .2, and half of the .1 and of the .02 above
    assert of[REPORTED, 0.8, "video", 1.0] == pytest.approx(0.52)
    assert best_trained(table, lower_is_better=False) == 0.2  # .2 + .3 + .8 away, not .8 + .3 + .2
    only = table[table["speakers"] == REPORTED]
    assert best_trained(only, lower_is_better=False) is None
    assert findings(only, lower_is_better=False) == [
        "no speakers choose between the runs, so none is called best"
    ]


def test_runs_that_differ_in_more_than_one_setting_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = [
        run("main"),
        run("one", models__m__ablation__p=0.8),
        run("two", models__m__ablation__p=0.2, seed=2),
        run("three", models__m__ablation__p=0.8),
    ]
    kept = list(alike(iter(runs), "models.m.ablation.p"))
    assert [each.name for each in kept] == ["main", "one"]
    said = capsys.readouterr()
    assert "two is left out: it differs in seed too" in said.out + said.err


def test_a_sweep_over_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stage that copies a table stands for training; git and DVC are real."""
    monkeypatch.chdir(tmp_path)
    results = Path("reports/results/evaluation")
    for p in (0.2, 0.5):
        evaluation(p).to_csv(f"{p}.csv", index=False)
    copy = (
        f"python -c \"import yaml, shutil, os; os.makedirs('{results}', exist_ok=True); "
        "p = yaml.safe_load(open('params.yaml'))['models']['m']['ablation']['p']; "
        f"shutil.copy(f'{{p}}.csv', '{results}/m.csv')\""
    )
    stage = {"cmd": copy, "params": ["models"], "outs": [{f"{results}/m.csv": {"cache": False}}]}
    Path("dvc.yaml").write_text(json.dumps({"stages": {"train": stage}}))
    ablation = {"strategy": "clip_zero", "p": 0.5}
    Path("params.yaml").write_text(json.dumps({"models": {"m": {"ablation": ablation}}}))
    task = {"metrics": ["ccc"], "outputs": ["valence", "arousal"]}
    results.mkdir(parents=True)
    (results.parent / "run.json").write_text(json.dumps({"task": task}))
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for command in (
        ("git", "init", "-q"),
        ("dvc", "init", "-q"),
        ("dvc", "repro", "-q"),
        ("git", "add", "-A"),
        ("git", *identity, "commit", "-qm", "first"),
        ("dvc", "exp", "run", "-q", "-S", "models.m.ablation.p=0.2"),
    ):
        subprocess.run(command, check=True)
    sweep("m", Path("out"))
    assert {file.name for file in Path("out").iterdir()} == {"m.csv", "m.svg"}
    table = pd.read_csv("out/m.csv")
    assert set(table["trained"]) == {0.2, 0.5}
    said = " ".join("".join(capsys.readouterr()).split())
    assert "p = 0.5 keeps most over all tested losses" in said
    assert "intact it has 0.76 (p = 0.2: 0.82)" in said
