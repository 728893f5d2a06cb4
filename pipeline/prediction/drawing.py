"""The figure of a prediction, and a small page around it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.prediction.table import BASIS, PRESENT, Prediction


def draw(prediction: Prediction, path: Path) -> bool:
    """Draw the predictions, over time with missing stretches shaded, with what they are worth.

    Returns:
        Whether there was something to draw: a few numbers for a whole sequence are no figure.
    """
    from reports.figures.predictions import plot_classes, plot_prediction
    from reports.numbers.run_file import caveat

    card, table = prediction.card, prediction.table
    title = f"{prediction.clip.name}, {prediction.model}, seed {card.seed}"
    # Of the synthetic corpora only the demo has media to train such a model on.
    synthetic = "demo" if card.synthetic_corpus else ""
    note = caveat(synthetic=synthetic, random_weights=card.random_weights)
    outputs = card.task.outputs
    if card.task.kind == "classification" and card.task.level == "sequence":
        shares = {name: float(table[name].iloc[0]) for name in outputs}
        plot_classes(shares, path=path, title=title, note=note)
        return True
    if card.task.level == "sequence":
        return False
    plot_prediction(
        table["time"],
        {name: table[name] for name in outputs},
        table["face_present"] != 0,
        table["sound_present"] != 0,
        limits={
            name: (0.0, 1.0) if card.task.kind == "classification" else card.task.range_of(name)
            for name in outputs
        },
        path=path,
        title=title,
        note=note,
    )
    return True


def write_page(prediction: Prediction, path: Path, files: Sequence[Path]) -> None:
    """Write the page of a prediction: its figure, what is missing, what to trust.

    Args:
        prediction: what is shown.
        path: where to.
        files: those beside it; a picture among them is shown.
    """
    from reports.figures.timeline import stretches
    from reports.page.prediction import prediction_page

    card, table = prediction.card, prediction.table
    missing: Mapping[str, list[tuple[float, float]]] = {}
    if card.task.level == "frame":
        words = {"video": "no face", "audio": "no sound"}
        missing = {
            words[m]: [(a, b) for a, b in stretches(table["time"], table[column]).tolist()]
            for m, column in PRESENT.items()
            if m in card.streams
        }
    values = None if card.task.level == "frame" else table[list(card.task.outputs)].iloc[0]
    path.write_text(
        prediction_page(
            title=f"{prediction.clip.name}, {prediction.model}, seed {card.seed}",
            figure=next((f.read_bytes() for f in files if f.suffix == ".png"), None),
            missing=missing,
            basis={b: float((table[BASIS] == b).mean()) for b in table[BASIS].unique()},
            answers={} if values is None else {str(k): float(v) for k, v in values.items()},
            notes=prediction.notes,
            caveats=prediction.caveats,
            files=[file.name for file in files],
        ),
        encoding="utf-8",
    )
