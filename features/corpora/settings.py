"""What a user can set about single corpora; no heavy import, pydantic alone."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from features.settings import Seed, Settings

Target = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Range = Annotated[tuple[float, float], Field(strict=False)]
"""Smallest and largest value; a file's list is as good as a tuple."""
NOT_TARGETS = frozenset(
    "path item start end speaker split side labels label person time class target mean".split()  # noqa: SIM905
)
"""Columns of items.csv, of labels files and of results that mean something else."""

Correlation = Annotated[float, Field(ge=0, lt=1)]


class DemoSettings(Settings):
    """Size of the synthetic demo corpus.

    Attributes:
        speakers: at least 3, so that train, validation and test each have one.
        clips: at least one a speaker.
        seconds: length of a clip.
        fps: frames per second.
        seed: of faces, voices, paths and losses.
    """

    speakers: int = Field(default=64, ge=3)
    clips: int = Field(default=64, ge=3)
    seconds: float = Field(default=3.0, ge=1)
    fps: int = Field(default=10, ge=10)
    seed: Seed = 0

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
    seed: Seed = 0

    @model_validator(mode="after")
    def _leaves_training(self) -> "SplitSettings":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave no train speaker")
        return self


class SimulatedSettings(Settings):
    """The simulated corpus; the defaults stand for Aff-Wild2 (see `features.corpora.simulated`).

    Attributes:
        train: train speakers, one item each.
        validation: validation speakers.
        test: test speakers.
        frames: length of every item, at 30 frames per second.
        video: dimensions of a frame's picture.
        audio: dimensions of a frame's sound.
        time_constant: frames in which valence and arousal forget a share 1 − 1/e of where they
            were.
        speaker_share: share of their variance that lies between speakers.
        label_scale: standard deviation of the labels.
        seen_valence: correlation of valence with what the picture shows of it.
        seen_arousal: the same for arousal.
        heard_valence: correlation of valence with what the voice carries of it.
        heard_arousal: the same for arousal.
        frame_noise: standard deviation of what is new in every frame, where what the picture shows
            has 1.
        noise_frames: frames in which that noise forgets a share 1 − 1/e of where it was; 0 for
            noise that knows nothing of the frame before.
        projections: random projections from what is shown or heard to features, one after the
            other, each followed by the ReLU of pictures or the tanh of sound, and frames normalised
            between two; what linear regression finds falls from .97 of one to .68 of four.
        faceless: share of the frames without a face, in stretches.
        soundless: share of the frames without sound, in stretches.
        seed: of all that is drawn.
    """

    train: int = Field(default=150, ge=0, le=99_999)
    validation: int = Field(default=30, ge=0, le=99_999)
    test: int = Field(default=50, ge=0, le=99_999)
    frames: int = Field(default=600, ge=1, le=1_000_000)
    video: int = Field(default=64, ge=1, le=65_536)
    audio: int = Field(default=32, ge=1, le=65_536)
    time_constant: float = Field(default=150, gt=0)
    speaker_share: float = Field(default=0.36, ge=0, le=1)
    label_scale: float = Field(default=0.35, gt=0)
    seen_valence: Correlation = 0.52
    seen_arousal: Correlation = 0.61
    heard_valence: Correlation = 0.10
    heard_arousal: Correlation = 0.43
    frame_noise: float = Field(default=1.3, ge=0)
    noise_frames: float = Field(default=0, ge=0)
    projections: int = Field(default=1, ge=1, le=8)
    faceless: float = Field(default=0, ge=0, le=0.9)
    soundless: float = Field(default=0, ge=0, le=0.9)
    seed: Seed = 0


class FolderSettings(Settings):
    """A folder of your own.

    Attributes:
        targets: names of what is labelled by numbers, each with its smallest and largest value, in
            place of valence and arousal: columns of these names in items.csv, or in labels files.
        rates: rows a second of streams in features/ whose files do not say when their rows begin.
    """

    targets: dict[Target, Range] = Field(default={})
    rates: dict[str, Annotated[float, Field(gt=0, le=100_000)]] = Field(default={})

    @model_validator(mode="after")
    def _ranges_are_ranges(self) -> "FolderSettings":
        for target, (low, high) in self.targets.items():
            if low >= high:
                raise ValueError(f"targets.{target} is [{low:g}, {high:g}]: write [low, high]")
            if target in NOT_TARGETS:
                raise ValueError(f"targets has {target}, which is a column of another meaning")
        return self


class AffWild2Settings(Settings):
    """Aff-Wild2.

    Attributes:
        track: `va`, valence and arousal of every frame; or `expr`, one of eight classes of every
            frame. The third track, action units, is not read.
        crops: `detect` finds the faces in the videos; `aligned` takes the pictures in
            cropped_aligned/, where a frame without one has no face.
        test_list: file below root that names the test videos, one a line: they have no labels, and
            are here for predictions to be sent in; null leaves them out.
    """

    track: Literal["va", "expr"] = "va"
    crops: Literal["detect", "aligned"] = "detect"
    test_list: str | None = None


class CremadSettings(Settings):
    """CREMA-D.

    Attributes:
        votes: which raters' votes label a clip: those who saw and heard it, only heard or only saw.
        ties: what becomes of a train clip whose votes have no plurality: `drop` leaves it out,
            `intended` labels it with the emotion that the actor was asked for, `soft` shares the
            label equally among the tied classes. In the other splits such clips are left out.
            `drawn` gives it one of the tied classes by a fixed draw, in every split: the classes
            then are as many as Goncalves and Busso 2022 count.
    """

    votes: Literal["audio_visual", "voice", "face"] = "audio_visual"
    ties: Literal["drop", "intended", "soft", "drawn"] = "drop"


class MspImprovSettings(Settings):
    """MSP-IMPROV.

    Attributes:
        task: `emotion`, four classes; or `attributes`, valence, arousal and dominance of a clip.
    """

    task: Literal["emotion", "attributes"] = "emotion"


class RavdessSettings(Settings):
    """RAVDESS.

    Attributes:
        classes: 8, or 7 without neutral, as in the text of Chumachenko et al. 2022.
        fold: of five; which actors validate and test.
    """

    classes: Literal[7, 8] = 8
    fold: int = Field(default=0, ge=0, le=4)


class CmuMoseiSettings(Settings):
    """CMU-MOSEI, or MOSI.

    Attributes:
        source: `unaligned` and `aligned` (to words) are mosei_senti_data_noalign.pkl and
            mosei_senti_data.pkl, or mosi_data_noalign.pkl and mosi_data.pkl; `csd` are the files of
            the CMU Multimodal SDK.
        visual: which of the visual features of `csd`; the pickles have FACET's.
    """

    source: Literal["unaligned", "aligned", "csd"] = "unaligned"
    visual: Literal["facet", "openface"] = "facet"


class MmsaSettings(Settings):
    """A pickle as MMSA (Mao et al. 2022) takes it.

    Attributes:
        file: the pickle, below root.
        largest: largest sentiment, and less than zero smallest: 3 of MOSI and MOSEI, 1 of SIMS.
        labels: of SIMS also those of the text, sound or picture alone: T, A, V in place of M.
        splits: `file` has its own, without the sentences of a video that a later section has too;
            `video` deals videos to splits by `corpus.split`, as SIMS needs, whose sections share
            their videos.
        rate: rows a second of the longer of sound and picture: the file does not say, and it
            changes only where lengths are in seconds.
    """

    file: str = "unaligned_50.pkl"
    largest: float = Field(default=3.0, gt=0)
    labels: Literal["M", "T", "A", "V"] = "M"
    splits: Literal["file", "video"] = "file"
    rate: float = Field(default=15.0, gt=0, le=1000)


class MerbenchSettings(Settings):
    """Folders of features and a label file, as MERBench (Lian et al. 2024) lays them out.

    Attributes:
        labels: the label file, below root.
        task: `emotion`, a class of an item; or `valence`, a number.
        valence: smallest and largest valence in the file.
        classes: names of the classes in their order, where the file has numbers.
        rates: rows a second of folders of features that have a row per frame.
    """

    labels: str = "label-6way.npz"
    task: Literal["emotion", "valence"] = "emotion"
    valence: Range = (-5.0, 5.0)
    classes: tuple[str, ...] = Field(default=(), strict=False)
    rates: dict[str, Annotated[float, Field(gt=0, le=100_000)]] = Field(default={})

    @model_validator(mode="after")
    def _valence_is_a_range(self) -> "MerbenchSettings":
        if self.valence[0] >= self.valence[1]:
            raise ValueError(f"valence is {list(self.valence)}: write [low, high]")
        return self
