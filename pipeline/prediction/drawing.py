"""The figure of a prediction, and a small page around it."""

from collections.abc import Sequence
from pathlib import Path

from features.task import Task
from pipeline.prediction.people import PERSON
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
    if PERSON in table:
        if card.task.level == "sequence":
            return False
        _draw_people(prediction, path, title, note)
        return True
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
        limits=_limits(card.task),
        path=path,
        title=title,
        note=note,
    )
    return True


def _draw_people(prediction: Prediction, path: Path, title: str, note: str) -> None:
    """Draw a panel for each of several people."""
    from reports.figures.predictions import plot_people

    task, limits = prediction.card.task, _limits(prediction.card.task).values()
    tables = {number: prediction.of_person(number) for number in prediction.numbers}
    first = tables[min(tables)]
    plot_people(
        {
            number: (
                table["time"],
                {name: table[name] for name in task.outputs},
                table["face_present"] != 0,
            )
            for number, table in tables.items()
        },
        prediction.people.faces,
        first["sound_present"] != 0,
        path=path,
        title=title,
        note=note,
        limits=(min(low for low, _ in limits), max(high for _, high in limits)),
    )


def _limits(task: Task) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of each output."""
    shares = task.kind == "classification"
    return {name: (0.0, 1.0) if shares else task.range_of(name) for name in task.outputs}


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
    missing: dict[str, list[tuple[float, float]]] = {}
    answers: dict[str, float] = {}
    for number in prediction.numbers:
        rows = prediction.of_person(number)
        whose = f" of person {number}" if number else ""
        if card.task.level == "sequence":
            answers |= {f"{name}{whose}": float(rows[name].iloc[0]) for name in card.task.outputs}
            continue
        for modality, what in (("video", f"no face{whose}"), ("audio", "no sound")):
            if modality in card.streams:
                gone = stretches(rows["time"], rows[PRESENT[modality]])
                missing[what] = [(a, b) for a, b in gone.tolist()]
    path.write_text(
        prediction_page(
            title=f"{prediction.clip.name}, {prediction.model}, seed {card.seed}",
            figure=next((f.read_bytes() for f in files if f.suffix == ".png"), None),
            missing=missing,
            basis={b: float((table[BASIS] == b).mean()) for b in table[BASIS].unique()},
            answers=answers,
            notes=prediction.notes,
            caveats=prediction.caveats,
            files=[file.name for file in files],
        ),
        encoding="utf-8",
    )
