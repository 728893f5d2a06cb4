"""The base of all settings, and the types they share."""

from typing import Annotated

from pydantic import Field

from features.settings import MODALITIES, Modality, Settings

Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]

__all__ = ["MODALITIES", "Modality", "Probability", "Seed", "Settings"]
