"""What a user can set about networks in ONNX files."""

from typing import Any, Literal

from pydantic import Field, model_validator
from typing_extensions import override

from features.extractors.settings import OF_WINDOWS, SilenceSettings, StreamSettings
from features.settings import NamedFile, Settings, Sha256


class PictureSettings(Settings):
    """How a face crop becomes the input of a network: (pixels / 255 − mean) / std.

    Attributes:
        size: side in pixels; crops are resized to it (by areas down, bilinearly up).
        colour: order of the channels, or one channel of grey (ITU-R BT.601).
        layout: order of the axes.
        mean: of each channel, on a scale of 0 … 1, or one number for all.
        std: likewise.
        batch_size: crops per pass, which can change the last digits.
    """

    size: int = Field(ge=8, le=1024)
    colour: Literal["rgb", "bgr", "grey"] = "rgb"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    mean: list[float] = Field(default=[0.0])
    std: list[float] = Field(default=[1.0])
    batch_size: int = Field(default=32, gt=0, le=8192)

    @property
    def channels(self) -> int:
        """Channels of a picture."""
        return 1 if self.colour == "grey" else 3

    @model_validator(mode="after")
    def _numbers_fit_the_channels(self) -> "PictureSettings":
        for key in ("mean", "std"):
            if len(getattr(self, key)) not in (1, self.channels):
                raise ValueError(f"{key} must have one number, or {self.channels}")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        return self


class SoundSettings(Settings):
    """How sound becomes the input of a network, and what its rows are.

    Attributes:
        rate: samples a second that the network takes.
        hop: seconds from one row to the next.
        chunk: seconds of sound that are described at once.
        overlap: seconds that two chunks share; each gives the rows of its half.
        normalise: `chunk` brings every chunk to mean 0 and variance 1, as the feature extractors of
            wav2vec 2.0 do; or none.
        batch_size: chunks per pass, which can change the last digits.
        silence: what counts as no sound.
    """

    rate: int = Field(default=16_000, ge=8_000, le=48_000)
    hop: float = Field(default=0.02, gt=0, le=1)
    chunk: float = Field(default=20.0, gt=0, le=600)
    overlap: float = Field(default=2.0, ge=0)
    normalise: Literal["chunk", "none"] = "chunk"
    batch_size: int = Field(default=4, gt=0, le=1024)
    silence: SilenceSettings = SilenceSettings()

    @model_validator(mode="after")
    def _fit_each_other(self) -> "SoundSettings":
        samples = self.hop * self.rate
        if abs(samples - round(samples)) > 1e-6 or round(samples) < 1:
            raise ValueError(f"hop is {samples} samples at {self.rate} Hz, not a whole number")
        for key in ("chunk", "overlap"):
            hops = getattr(self, key) / self.hop
            if abs(hops - round(hops)) > 1e-6:
                raise ValueError(f"{key} is {hops:.2f} times hop, not a whole number")
        if self.overlap > self.chunk / 2:
            raise ValueError("overlap must be at most half of chunk")
        return self

    def samples(self, key: Literal["hop", "chunk", "overlap"]) -> int:
        """One of the durations in samples."""
        return round(getattr(self, key) * self.rate)


class OnnxSettings(StreamSettings):
    """A network in an ONNX file, run by onnxruntime.

    Attributes:
        path: the file.
        sha256: of its content.
        input: name of its input; null for the only one.
        output: name of the output that is taken; null for the only one.
        threads: of the processor; it can change the last digits.
        picture: where it describes face crops.
        sound: where it describes sound.
    """

    extractor: str = "onnx"
    path: str
    sha256: Sha256
    input: str | None = None
    output: str | None = None
    threads: int = Field(default=1, ge=1, le=256)
    picture: PictureSettings | None = None
    sound: SoundSettings | None = None

    @model_validator(mode="after")
    def _has_the_section_of_its_modality(self) -> "OnnxSettings":
        needed, other = ("sound", "picture") if self.modality == "audio" else ("picture", "sound")
        if getattr(self, needed) is None:
            raise ValueError(f"{needed} is missing, which says what the network is given")
        if getattr(self, other) is not None:
            raise ValueError(f"{other} is given, but the stream is {self.modality}")
        return self

    @override
    def files(self) -> tuple[NamedFile, ...]:
        return (NamedFile("path", self.path, self.sha256),)

    @property
    @override
    def picture_side(self) -> int | None:
        return None if self.picture is None else self.picture.size

    @override
    def of_rows(self) -> dict[str, Any]:
        # A file is the same wherever it lies.
        return self.model_dump(exclude={*OF_WINDOWS, "path"})
