"""Predictions of a trained recogniser for a split, in the format of the Aff-Wild2 challenges.

One file, rows `image_location,valence,arousal`, or of expressions `image_location,` and the number
of a class; image location `x/00001.jpg` is the first frame of item x.
"""

import argparse
from collections.abc import Collection
from pathlib import Path

from features.corpora.challenge import write_predictions
from features.corpora.listing import read_items, read_task
from features.corpora.table import read_table
from features.corpora.tracks import EXPRESSIONS
from features.errors import InputError
from features.task import AFFECT
from models import recogniser
from models.training.stores import open_stores
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.params import load_params
from pipeline.predict import writing_to
from pipeline.prediction.trained import ALLOW, allowed, model_folder

LOCATION = "image_location"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.challenge", description=__doc__)
    parser.add_argument("--model", required=True, help="name of a trained model")
    parser.add_argument("--seed", type=int, help="which run of it (default: which is preferred)")
    parser.add_argument("--split", default="test", help="whose items (default: test)")
    parser.add_argument("--wanted", type=Path, help="the challenge's list of image locations")
    parser.add_argument("--out", type=Path, default=Path("predictions.txt"), help="file to write")
    parser.add_argument("--allow", metavar="MODULE", action="append", default=[], help=ALLOW)
    options = parser.parse_args()
    with stage_errors(goes_on=False):
        folder, allow = model_folder(options.model, options.seed), allowed(options.allow)
        text = predictions_of(folder, options.split, options.wanted, allow)
        with writing_to(options.out.parent):
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(text)
        say(f"wrote {options.out}: {text.count(chr(10)) - 1} rows")


def predictions_of(
    folder: Path, split: str, listing: Path | None, allow: Collection[str] = ()
) -> str:
    """The text of the file.

    Args:
        folder: of a trained model.
        split: whose items, with labels or without.
        listing: CSV with a column image_location; None for every frame.
        allow: modules that the model may import.

    Raises:
        InputError: the task is another one, the split is empty, or the list does not fit it.
    """
    import torch

    from models.evaluation.evaluator import predict

    task = read_task()
    if task not in (AFFECT, EXPRESSIONS):
        raise InputError(
            "the challenges are of valence and arousal, or of eight expressions, per frame",
            "change the corpus",
        )
    names = [item.item for item in read_items() if item.split == split]
    if not names:
        raise InputError(
            f"no item is in split {split}",
            "name another one; corpus.affwild2.test_list brings the test set",
        )
    locations = None
    if listing is not None:
        table = read_table(listing)
        if LOCATION not in table:
            raise InputError(f"{listing} has no column {LOCATION}", "give the challenge's list")
        locations = table[LOCATION].tolist()
    params = load_params()
    card, network = recogniser.load(folder, allow=allow)
    data = recogniser.clips_of(open_stores(card.model.sees), names)
    device = torch.device(params.execution.torch_device)
    predictions = {
        # The challenge counts decoded pictures only.
        item: values[data.item_array(item, "decoded")]
        for item, values in predict(network, data, device, params.evaluate.batch_clips).items()
    }
    return write_predictions(predictions, locations, task)


if __name__ == "__main__":
    main()
