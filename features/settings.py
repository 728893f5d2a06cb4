"""What a user can set about corpora and features; no heavy import, pydantic alone."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Settings(BaseModel):
    """A section of settings: immutable, unknown keys, loose types and infinities refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DemoSettings(Settings):
    """Size of the synthetic demo corpus.

    Attributes:
        speakers: at least 3, so that train, validation and test each have one.
        clips: at least one a speaker.
        seconds: length of a clip.
        fps: frames per second.
        seed: of faces, voices, paths and losses.
    """

    speakers: int = Field(default=16, ge=3)
    clips: int = Field(default=16, ge=3)
    seconds: float = Field(default=8.0, ge=1)
    fps: int = Field(default=30, ge=10)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _clips_for_all(self) -> "DemoSettings":
        if self.clips < self.speakers:
            raise ValueError(f"{self.clips} clips cannot give each of {self.speakers} speakers one")
        return self


class SplitSettings(Settings):
    """How speakers are split where the corpus does not say.

    Attributes:
        validation: share of the speakers.
        test: share of the speakers; the rest is the train split.
        seed: of the draw.
    """

    validation: float = Field(default=0.15, ge=0, lt=1)
    test: float = Field(default=0.15, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _leaves_training(self) -> "SplitSettings":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave no train speaker")
        return self


class CorpusSettings(Settings):
    """Which corpus, and where.

    Attributes:
        name: `demo` is made on the spot; `folder` is any folder of videos.
        root: folder of the `folder` corpus.
        exclude: items left out, each with the reason.
        demo: size of the demo corpus.
        split: for a folder whose items.csv has no split column.
    """

    name: Literal["demo", "folder"] = "demo"
    root: str | None = None
    exclude: dict[str, str] = {}
    demo: DemoSettings = DemoSettings()
    split: SplitSettings = SplitSettings()

    @property
    def is_synthetic(self) -> bool:
        """Whether faces and voices are made up."""
        return self.name == "demo"

    @model_validator(mode="after")
    def _folder_has_root(self) -> "CorpusSettings":
        if self.name == "folder" and not self.root:
            raise ValueError("root must name the folder of videos when name is folder")
        return self


class FaceSettings(Settings):
    """How faces are found and cropped; crops of different settings are not interchangeable.

    Attributes:
        detector: `hog` is dlib's frontal face detector, as face_recognition carries it.
        working_height: pictures are scaled to this height for detection; null for as they are.
        margin: added to the box on every side, as a share of its size.
        size: side of the square crop in pixels; 96 in Parthasarathy and Sundaram 2020.
        smoothing: frames over which the quantised boxes of `hog` are averaged.
    """

    detector: Literal["hog"] = "hog"
    working_height: int | None = Field(default=360, ge=80)
    margin: float = Field(default=0.2, ge=0)
    size: int = Field(default=96, gt=0)
    smoothing: int = Field(default=7, gt=0)


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
        batch_size: crops per forward pass.
    """

    weights: str = "random"
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    seed: int = Field(default=0, ge=0)
    input_size: Literal[96, 224] = 96
    preprocessing: Literal["vggface", "paper"] = "vggface"
    rectify: bool = True
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    batch_size: int = Field(default=32, gt=0)

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
    """Low-level descriptors of the sound."""

    silence: SilenceSettings = SilenceSettings()


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
