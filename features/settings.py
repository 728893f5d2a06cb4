"""What a user can set about features; no heavy import, pydantic alone."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType
from typing_extensions import override

from features.hashes import hash_of_file
from features.licences import Licence

_KINDS = frozenset(get_args(ErrorType))


@dataclass(frozen=True)
class NamedFile:
    """A file or a folder that settings name.

    Attributes:
        key: of the section, that names it.
        path: of the file.
        sha256: of its content, in hexadecimal; None for a folder, or a file of any content.
        hashed: takes that hash of a file; of one that includes others, with all of them.
    """

    key: str
    path: str
    sha256: str | None = None
    hashed: Callable[[Path], str] = hash_of_file


Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What draws begin from; torch and numpy take no larger one."""

Modality = Literal["audio", "video"]
MODALITIES: tuple[Modality, ...] = ("audio", "video")


class Settings(BaseModel):
    """A section of settings: immutable, unknown keys, loose types and infinities refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def files(self) -> tuple[NamedFile, ...]:
        """The files and folders that this section names, those within its sections left out."""
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _unknown_keys_come_with_the_known(
        cls, value: Any, validate: ModelWrapValidatorHandler[Self]
    ) -> Self:
        """An unknown key is an error of the kind `unknown_key`, whose context has the `keys`."""
        try:
            return validate(value)
        except ValidationError as error:
            details = error_details(error)
            unknown = [d for d in details if d["type"] == "extra_forbidden" and len(d["loc"]) == 1]
            if not unknown:
                raise
            keys = list(cls.model_fields)
            for detail in unknown:
                detail["type"] = PydanticCustomError(
                    "unknown_key", "is not a known key", {"keys": keys}
                )
            raise ValidationError.from_exception_data(error.title, details) from None


def error_details(error: ValidationError, *within: str) -> list[InitErrorDetails]:
    """What an error says, to be raised again.

    Args:
        error: of a section.
        within: keys of the sections around that one.
    """
    details = []
    for raised in error.errors(include_url=False):
        kind, context = raised["type"], raised.get("ctx", {})
        details.append(
            InitErrorDetails(
                type=kind if kind in _KINDS else PydanticCustomError(kind, raised["msg"], context),
                loc=(*within, *raised["loc"]),
                input=raised["input"],
                ctx=context,
            )
        )
    return details


def _check_sha256(digits: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise PydanticCustomError("sha256", "must be the 64 digits that sha256sum prints")
    return digits


Sha256 = Annotated[str, AfterValidator(_check_sha256)]
"""The hash of a file's content, in hexadecimal."""


class ModelFile(Settings):
    """A file that the user supplies.

    Attributes:
        path: of the file.
        sha256: of its content; checked before it is loaded.
    """

    path: str
    sha256: Sha256

    @override
    def files(self) -> tuple[NamedFile, ...]:
        return (NamedFile("path", self.path, self.sha256),)


DETECTOR_FILES: Mapping[str, Mapping[str, str]] = {
    "hog": {},
    "cnn": {},
    "ssd": {
        "ssd": "OpenCV's ResNet-10 SSD (res10_300x300_ssd_iter_140000.caffemodel or "
        "opencv_face_detector_uint8.pb, in the branches dnn_samples_face_detector_* of "
        "github.com/opencv/opencv_3rdparty)",
        "ssd_config": "its description (deploy.prototxt or opencv_face_detector.pbtxt, in "
        "samples/dnn/face_detector of github.com/opencv/opencv, branch 4.x)",
    },
    "yunet": {
        "yunet": "YuNet (face_detection_yunet_*.onnx, in github.com/opencv/opencv_zoo and at "
        "huggingface.co/opencv/face_detection_yunet)"
    },
}
"""The keys of `DetectorModels` that each detector needs, and where such a file is published."""

DETECTOR_LICENCES: Mapping[str, Licence] = {
    "hog": Licence("Boost 1.0 (dlib)", commercial=True),
    "cnn": Licence("CC0 1.0 (dlib-models)", commercial=True),
    "ssd": Licence("published with OpenCV, without a licence of its own", commercial=None),
    "yunet": Licence("MIT (opencv_zoo)", commercial=True),
}
"""What each detector's weights are under."""

PERSON_LICENCE = Licence(
    "CC0 1.0 (dlib-models), learnt from pictures for research", commercial=None
)
"""What the network that tells people apart is under."""

SMOOTHING: Mapping[str, int] = {"hog": 7, "cnn": 7, "ssd": 1, "yunet": 1}
"""Frames over which each detector's boxes are averaged. Those of dlib's come in steps: from frame
to frame their width jumps by 17 to 20 %."""


class DetectorModels(Settings):
    """The files of detectors, which are the user's to supply.

    Attributes:
        ssd: .caffemodel or .pb of `ssd`.
        ssd_config: its description, .prototxt or .pbtxt.
        yunet: .onnx of `yunet`.
    """

    ssd: ModelFile | None = None
    ssd_config: ModelFile | None = None
    yunet: ModelFile | None = None


class FaceSettings(Settings):
    """How faces are found and cropped; crops of different settings are not interchangeable.

    Attributes:
        detector: `hog` and `cnn` are those of face_recognition, whose models come with it; `ssd` is
            the ResNet-10 SSD of the papers, `yunet` finds the most and is the fastest, but their
            files are the user's to supply. So `hog` is the default.
        models: files of detectors; those of the one that is used have to be there.
        working_height: pictures are scaled to this height for detection, null for as they are; at
            360 `hog` finds faces from a sixth of the picture's height on.
        every: detect in every so many frames and interpolate between them, never across a shot cut;
            1, all frames, as in Parthasarathy and Sundaram 2020.
        subject: which face is the main one where there are several: `largest`, because who speaks
            to a camera is nearest to it, `central`, or `person`: the one whom the item names
            (column `person` of items.csv), else the one who is longest in view, and nobody in the
            shots of others.
        causal: whether the main face is chosen, and its box smoothed, from the past alone, as live
            does; else from the whole recording.
        alignment: `landmarks` turns every crop so that the face is upright, by the eyes, nose and
            corners of the mouth that `yunet` finds; `none` leaves it as it is in the picture.
        margin: added to the box on every side, as a share of its longer side; at 0.2 the crop of
            `hog` reaches from hair to chin.
        size: side of the square crop in pixels; 96 in Parthasarathy and Sundaram 2020.
        smoothing: frames over which boxes are averaged; null becomes the detector's own: 7 for
            `hog` and `cnn`, whose boxes come in steps, 1 (none) for the others.
        jpeg: quality, 95 for a loss that is hardly seen, of crops stored in a sixth of the space;
            null stores them without loss.
    """

    detector: Literal["hog", "cnn", "ssd", "yunet"] = "hog"
    models: DetectorModels = DetectorModels()
    working_height: int | None = Field(default=360, ge=80, le=4320)
    every: int = Field(default=1, ge=1, le=300)
    subject: Literal["largest", "central", "person"] = "largest"
    causal: bool = False
    alignment: Literal["none", "landmarks"] = "none"
    margin: float = Field(default=0.2, ge=0, le=10)
    size: int = Field(default=96, gt=0, le=1024)
    smoothing: int | None = Field(default=None, gt=0, validate_default=True)
    jpeg: int | None = Field(default=None, ge=1, le=100)

    @field_validator("smoothing")
    @classmethod
    def _is_filled_in(cls, frames: int | None, info: ValidationInfo) -> int | None:
        return SMOOTHING.get(info.data.get("detector", ""), 1) if frames is None else frames

    @model_validator(mode="after")
    def _has_the_detector_s_files(self) -> "FaceSettings":
        for key, file in DETECTOR_FILES[self.detector].items():
            if getattr(self.models, key) is None:
                raise ValueError(
                    f"models.{key} is missing: {self.detector} needs path and sha256 of {file}"
                )
        return self

    @model_validator(mode="after")
    def _has_landmarks(self) -> "FaceSettings":
        if self.alignment == "landmarks" and self.detector != "yunet":
            raise ValueError(
                f"alignment is landmarks, which {self.detector} does not find: "
                "set detector to yunet"
            )
        return self

    @model_validator(mode="after")
    def _knows_the_person(self) -> "FaceSettings":
        if self.causal and self.subject == "person":
            raise ValueError(
                "causal is true and subject is person: who is longest in view, or like a picture, "
                "is known at the end; set subject to largest or central"
            )
        return self

    @model_validator(mode="after")
    def _fits_jpeg(self) -> "FaceSettings":
        if self.jpeg is not None and self.size % 8:
            raise ValueError(f"size is {self.size}; crops stored as JPEG need a multiple of 8")
        return self


class WindowSettings(Settings):
    """How long clips are, and what frames show where no picture comes.

    Attributes:
        clip_frames: length of a training sequence.
        hold: seconds for which the last picture stays where the next one fails to come.
    """

    clip_frames: int = Field(default=100, gt=1)
    hold: float = Field(default=1.0, ge=0, le=3600)
