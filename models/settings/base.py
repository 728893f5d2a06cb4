"""The base of all settings, and the types they share."""

from typing import Annotated

from pydantic import Field

from features.settings import MODALITIES, Modality, Seed, Settings

Probability = Annotated[float, Field(ge=0, le=1)]

__all__ = ["MODALITIES", "Modality", "Probability", "Seed", "Settings"]
