"""What a model in params.yaml takes from a saved recogniser's folder; loads no torch."""

import json
from pathlib import Path
from typing import Any

CARD = "config.json"
"""The file of a recogniser's folder that says what it is."""


def model_of(saved: str) -> dict[str, Any]:
    """The keys of a model that its card decides: network, presence, repeats, size, options.

    Raises:
        ValueError: there is no card, or it cannot be read.
    """
    path = Path(saved)
    cards = [path / CARD, *sorted(path.glob(f"seed-*/{CARD}"))]
    card = next((file for file in cards if file.is_file()), None)
    if card is None:
        raise ValueError(f"{saved} has no saved model: looked for {CARD} in it and in seed-*")
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        model = content["model"]
        taken = {name: model[name] for name in ("network", "presence", "repeats")}
        # A network of the user's own has its sizes among the options.
        size = {} if ":" in model["network"] else content["train"]["network"]
        return {**taken, "size": size, "options": content["options"], "ablation": model["ablation"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{card} is damaged or of another version") from error
