"""What a user can set about features; no heavy import, pydantic alone."""

from collections.abc import Mapping
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

Modality = Literal["audio", "video"]
MODALITIES: tuple[Modality, ...] = ("audio", "video")


class Settings(BaseModel):
    """A section of settings: immutable, unknown keys, loose types and infinities refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelFile(Settings):
    """A file that the user supplies.

    Attributes:
        path: of the file.
        sha256: of its content; checked before it is loaded.
    """

    path: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


DETECTOR_FILES: Mapping[str, Mapping[str, str]] = {
    "hog": {},
    "cnn": {},
    "ssd": {
        "model": "OpenCV's ResNet-10 SSD (res10_300x300_ssd_iter_140000.caffemodel or "
        "opencv_face_detector_uint8.pb, in the branches dnn_samples_face_detector_* of "
        "github.com/opencv/opencv_3rdparty)",
        "config": "its description (deploy.prototxt or opencv_face_detector.pbtxt, in "
        "samples/dnn/face_detector of github.com/opencv/opencv, branch 4.x)",
    },
    "yunet": {
        "model": "YuNet (face_detection_yunet_*.onnx, in github.com/opencv/opencv_zoo and at "
        "huggingface.co/opencv/face_detection_yunet)"
    },
}
"""The keys that each detector needs a file in, and where such a file is published."""

SMOOTHING: Mapping[str, int] = {"hog": 7, "cnn": 7, "ssd": 1, "yunet": 1}
"""Frames over which each detector's boxes are averaged. Those of dlib's come in steps: from frame
to frame their width jumps by 17 to 20 %."""


class FaceSettings(Settings):
    """How faces are found and cropped; crops of different settings are not interchangeable.

    Attributes:
        detector: `hog` and `cnn` are those of face_recognition, whose models come with it; `ssd` is
            the ResNet-10 SSD of the papers, `yunet` finds the most and is the fastest, but their
            files are the user's to supply. So `hog` is the default.
        model: file of `ssd` or `yunet`.
        config: file of `ssd` that describes the model.
        working_height: pictures are scaled to this height for detection, null for as they are; at
            360 `hog` finds faces from a sixth of the picture's height on.
        every: detect in every so many frames and interpolate between them, never across a shot cut;
            1, all frames, as in Parthasarathy and Sundaram 2020.
        subject: which face is the main one where there are several: `largest`, because who speaks
            to a camera is nearest to it, or `central`.
        margin: added to the box on every side, as a share of its longer side; at 0.2 the crop of
            `hog` reaches from hair to chin.
        size: side of the square crop in pixels; 96 in Parthasarathy and Sundaram 2020.
        smoothing: frames over which boxes are averaged; null becomes the detector's own: 7 for
            `hog` and `cnn`, whose boxes come in steps, 1 (none) for the others.
        jpeg: quality, 95 for a loss that is hardly seen, of crops stored in a sixth of the space;
            null stores them without loss.
    """

    detector: Literal["hog", "cnn", "ssd", "yunet"] = "hog"
    model: ModelFile | None = None
    config: ModelFile | None = None
    working_height: int | None = Field(default=360, ge=80, le=4320)
    every: int = Field(default=1, ge=1, le=300)
    subject: Literal["largest", "central"] = "largest"
    margin: float = Field(default=0.2, ge=0, le=10)
    size: int = Field(default=96, gt=0, le=1024)
    smoothing: int | None = Field(default=None, gt=0, validate_default=True)
    jpeg: int | None = Field(default=None, ge=1, le=100)

    @field_validator("smoothing")
    @classmethod
    def _is_the_detector_s_own(cls, given: int | None, others: ValidationInfo) -> int | None:
        return SMOOTHING.get(others.data.get("detector", ""), 1) if given is None else given

    @model_validator(mode="after")
    def _has_the_detector_s_files(self) -> "FaceSettings":
        needed = DETECTOR_FILES[self.detector]
        for key in ("model", "config"):
            is_given = getattr(self, key) is not None
            if key in needed and not is_given:
                raise ValueError(
                    f"{key} is missing: {self.detector} needs path and sha256 of {needed[key]}"
                )
            if is_given and key not in needed:
                raise ValueError(f"{key} is given, but {self.detector} takes none")
        return self

    @model_validator(mode="after")
    def _fits_jpeg(self) -> "FaceSettings":
        if self.jpeg is not None and self.size % 8:
            raise ValueError(f"size is {self.size}; crops stored as JPEG need a multiple of 8")
        return self


class FC6Settings(Settings):
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

    weights: str = "random"
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    seed: int = Field(default=0, ge=0)
    input_size: Literal[96, 224] = 96
    preprocessing: Literal["vggface", "paper"] = "vggface"
    rectify: bool = True
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    batch_size: int | None = Field(default=None, gt=0, le=8192)

    @model_validator(mode="after")
    def _weights_are_verified(self) -> "FC6Settings":
        if self.weights != "random" and self.sha256 is None:
            raise ValueError("sha256 of the weights file is missing (sha256sum prints it)")
        return self


class SilenceSettings(Settings):
    """When a stretch counts as having no sound.

    Attributes:
        floor_dbfs: level below which nothing was recorded.
        min_seconds: shorter pauses belong to speech.
    """

    floor_dbfs: float = -60.0
    min_seconds: float = Field(default=0.3, ge=0)


class LLDSettings(Settings):
    """Low-level descriptors of the sound.

    Attributes:
        set: `IS13` is ComParE 2013 as in Parthasarathy and Sundaram 2020, `ComParE_2016` the same
            with repaired jitter and shimmer; else the path of an openSMILE config. That follows
            opensmile.Smile's template for custom configs (source and sink are included by option),
            writes its rows to the level `lld`, one every 10 ms, row k from 0.01·k s on, and looks
            for what it includes beside the file that includes it.
        sha256: of that config file.
        deltas: whether every column's delta follows the columns, 130 instead of 65.
        silence: what counts as no sound.
    """

    set: str = "IS13"
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    deltas: bool = False
    silence: SilenceSettings = SilenceSettings()

    @model_validator(mode="after")
    def _config_is_verified(self) -> "LLDSettings":
        if self.set not in ("IS13", "ComParE_2016") and self.sha256 is None:
            raise ValueError(
                f"set is neither IS13 nor ComParE_2016, and sha256 of the config file {self.set} "
                "is missing (sha256sum prints it)"
            )
        return self


class WindowSettings(Settings):
    """How rows become a frame's input, and frames clips.

    Attributes:
        context_seconds: sound given with every frame; 2 s in Parthasarathy and Sundaram 2020.
        context: `causal` ends at the frame, `centred` surrounds it.
        clip_frames: length of a training sequence.
    """

    context_seconds: float = Field(default=2.0, ge=1 / 30)
    context: Literal["causal", "centred"] = "causal"
    clip_frames: int = Field(default=100, gt=1)
