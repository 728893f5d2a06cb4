"""Stage corpus: list the items with content hashes, frame rates, speakers, splits and labels."""

import json
from collections import Counter
from functools import partial
from pathlib import Path

import pandas as pd

from features.corpora import folder
from features.corpora.item import SPLITS, Item
from features.corpora.labels import read_labels
from features.errors import InputError
from features.media import AUDIO_ONLY_RATE
from features.settings import CorpusSettings
from pipeline.items import Job, console, hash_of, hash_of_file, progress_bar, run_jobs, stage_errors
from pipeline.outputs import CORPUS, ITEMS, LABELS, fresh
from pipeline.params import ExecutionSettings, load_params

VERSION = 1


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        CORPUS.mkdir(parents=True, exist_ok=True)
        items = exclude(read_items(params.corpus, params.execution), params.corpus.exclude)
        check_speakers(items)
        check_training(items, params.evaluate.split)
        jobs = [Job(item.name, _key(item), partial(inspect, item.path)) for item in items]
        found = run_jobs("corpus", jobs, params.execution)
        table = pd.DataFrame([_row(item, found[item.name]) for item in items])
        labels = all_labels(items)
        table.to_parquet(fresh(ITEMS), index=False)
        labels.to_parquet(fresh(LABELS), index=False)
        report(table, clip_frames=params.windows.clip_frames)


def read_items(corpus: CorpusSettings, execution: ExecutionSettings) -> list[Item]:
    """The corpus's items; the demo corpus is made first."""
    if corpus.name == "folder":
        assert corpus.root is not None  # the schema demands it
        return folder.read(Path(corpus.root).expanduser(), corpus.split)
    from features.corpora import demo

    root = CORPUS / "demo"
    with progress_bar("demo corpus", unit="clips", total=corpus.demo.clips) as advance:
        demo.generate(root, corpus.demo, progress=advance, n_jobs=execution.processes)
    return folder.read(root, corpus.split)


def exclude(items: list[Item], reasons: dict[str, str]) -> list[Item]:
    """Leave out the items named in corpus.exclude, saying why.

    Raises:
        InputError: a name is not in the corpus.
    """
    names = {item.name for item in items}
    for name, reason in reasons.items():
        if name not in names:
            raise InputError(f"corpus.exclude names {name}, which is not in the corpus", "drop it")
        console.print(f"excluded {name}: {reason}", markup=False, highlight=False)
    return [item for item in items if item.name not in reasons]


def check_speakers(items: list[Item]) -> None:
    """Make sure that there is something to do, and that no speaker is in two splits.

    Raises:
        InputError: no item is left, or a speaker is in two splits.
    """
    if not items:
        raise InputError("corpus.exclude leaves no item", "exclude fewer")
    split_of: dict[str, str] = {}
    for item in items:
        if split_of.setdefault(item.speaker, item.split) != item.split:
            raise InputError(
                f"speaker {item.speaker} is in {split_of[item.speaker]} and {item.split}",
                "put all items of a speaker in one split",
            )


def check_training(items: list[Item], evaluated: str) -> None:
    """Make sure that a corpus with labels can be trained on and evaluated.

    Raises:
        InputError: fewer than two train speakers, or nothing to evaluate on.
    """
    labelled = [item for item in items if item.labels]
    speakers = {item.speaker for item in labelled if item.split == "train"}
    if labelled and len(speakers) < 2:
        count = "only one" if speakers else "no"
        raise InputError(
            f"corpus has labels but {count} train speaker, and training holds one out",
            "give two labelled speakers split train",
        )
    if labelled and not any(item.split == evaluated for item in labelled):
        raise InputError(
            f"evaluate.split is {evaluated}, and no labelled speaker of the corpus is in it",
            f"give a labelled speaker split {evaluated}, or change evaluate.split",
        )


def inspect(path: Path, out: Path) -> None:
    """Hash a media file and read its header."""
    from features.media import probe

    info = probe(path)
    facts = {
        "sha256": hash_of_file(path),
        "has_video": info.has_video,
        "has_audio": info.has_audio,
        "width": info.width,
        "height": info.height,
        "rate": float(info.rate) if info.rate else None,
        "seconds": info.duration,
    }
    (out / "facts.json").write_text(json.dumps(facts))


def _key(item: Item) -> str:
    stat = item.path.stat()
    return hash_of(VERSION, str(item.path.resolve()), stat.st_size, stat.st_mtime_ns)


def _row(item: Item, inspected: Path) -> dict[str, object]:
    facts = json.loads((inspected / "facts.json").read_text())
    return {
        "item": item.name,
        "path": str(item.path),
        "speaker": item.speaker,
        "split": item.split,
        "labelled": item.labels is not None,
        **facts,
    }


def all_labels(items: list[Item]) -> pd.DataFrame:
    """The labels of all items in one table: item, time, valence, arousal."""
    tables = [read_labels(i.labels).assign(item=i.name) for i in items if i.labels]
    empty = pd.DataFrame(columns=["time", "valence", "arousal"], dtype="float64")
    return pd.concat([empty.assign(item=pd.Series(dtype="str")), *tables], ignore_index=True)


def report(items: pd.DataFrame, *, clip_frames: int) -> None:
    """Say what was found, and what later stages will treat as missing."""
    per_split = Counter(items["split"])
    splits = ", ".join(f"{per_split[s]} {s}" for s in SPLITS if per_split[s])
    console.print(
        f"{len(items)} items ({splits}), {items['speaker'].nunique()} speakers, "
        f"{items['seconds'].sum() / 60:.1f} minutes"
    )
    notes = {
        "no picture: all frames count as without a face": items[~items["has_video"]],
        "no sound: all frames count as without sound": items[~items["has_audio"]],
        "shorter than a clip: padded": items[
            items["seconds"] * items["rate"].fillna(AUDIO_ONLY_RATE) < clip_frames - 0.5
        ],
        "no labels: features only": items[~items["labelled"]],
    }
    for note, which in notes.items():
        if len(which):
            names = ", ".join(which["item"][:5]) + (", …" if len(which) > 5 else "")
            console.print(f"{note}: {names}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
