"""A corpus of features made on the spot, whose truth is known.

Valence and arousal of a speaker are slow Ornstein-Uhlenbeck paths around an offset of the speaker's
own; the labels are these, scaled. The picture sees each through a nuisance path of the same speed,
among identity, pose and noise that is new in every frame, through a random ReLU projection. The
sound carries arousal and hardly valence, while there is speech, among phonetic content that changes
fast, through a random tanh projection, z-normed. What either sees of valence and arousal is set by
a correlation. With the default ones the crossmodal network (64 nodes, 200 steps of 16 clips) comes
to a CCC of .386 for valence and .550 for arousal, mean of three corpora and 300 test speakers each;
Parthasarathy and Sundaram 2020 report .393 and .522 for it on Aff-Wild2.

Every draw has a stream of its own, seeded by (seed, speaker, what is drawn): a speaker stays the
same in a larger corpus, and its first frames stay the same in a longer one.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.item import SPLITS, TIME, Corpus, Features, Item, Work
from features.corpora.registry import CORPORA
from features.corpora.settings import SimulatedSettings, SplitSettings
from features.task import AFFECT

FPS = 30
IDENTITY, VOICE = 8, 4
"""Dimensions of what marks a speaker's face and voice."""
POSE, POSE_FRAMES = 4, 30
"""Dimensions of head pose, and the time constant in which it changes."""
PHONES, PHONE_FRAMES = 8, 3
"""Dimensions of phonetic content, and the time constant in which it changes."""
PAUSES, PAUSE_FRAMES = 0.3, 20
"""Share of the frames without speech, and the mean length of a pause."""
ROOM = 0.1
"""Standard deviation of the room's noise before the projection of the sound."""
GONE_FRAMES = 30
"""Mean length of a stretch without face or without sound."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """What a speaker's features are made of; the paths have mean 0 and variance 1.

    Attributes:
        affect: (F, 2) valence and arousal.
        seen: (F, 2) what the picture shows of them, before the noise of single frames.
        heard: (F, 2) what the voice carries of them.
        speaking: (F,) bool.
    """

    affect: Array
    seen: Array
    heard: Array
    speaking: NDArray[np.bool_]


def read(_root: Path, settings: SimulatedSettings, _split: SplitSettings, _work: Work) -> Corpus:
    """The corpus of these settings; features are made when asked for."""
    counts = (settings.train, settings.validation, settings.test)
    items = [
        Item(name, None, name, split, _labels(settings, name))
        for split, count in zip(SPLITS, counts, strict=True)
        for name in (f"{split}-{number:05d}" for number in range(count))
    ]
    # How many there are changes no speaker.
    made_by = settings.model_dump_json(exclude={"train", "validation", "test"})
    return Corpus(
        AFFECT,
        sorted(items, key=lambda item: item.name),
        notes=("the features are simulated: nobody was recorded",),
        gives=CORPORA["simulated"].gives,
        features=partial(features, settings),
        identity=hashlib.sha256(made_by.encode()).hexdigest(),
    )


def truth(settings: SimulatedSettings, name: str) -> Truth:
    """What the features of the speaker `name` are made of."""
    paths = partial(_slow_paths, settings, name)
    affect = paths("affect")
    return Truth(
        affect=affect,
        seen=_view(affect, (settings.seen_valence, settings.seen_arousal), nuisance=paths("seen")),
        heard=_view(
            affect, (settings.heard_valence, settings.heard_arousal), nuisance=paths("heard")
        ),
        speaking=~_stretches(settings, name, "pauses", PAUSES, PAUSE_FRAMES),
    )


def features(settings: SimulatedSettings, name: str) -> dict[str, Features]:
    """The streams `picture` and `sound` of the speaker `name`."""
    known = truth(settings, name)
    face = ~_stretches(settings, name, "no face", settings.faceless, GONE_FRAMES)
    sound = ~_stretches(settings, name, "no sound", settings.soundless, GONE_FRAMES)
    video, audio = _picture(settings, name, known.seen), _sound(settings, name, known)
    times = np.arange(settings.frames) / FPS
    seen = np.where(face[:, None], video, 0).astype(np.float32)
    heard = np.where(sound[:, None], audio, 0).astype(np.float32)
    return {
        "picture": Features(times, seen, face),
        "sound": Features(times, heard, sound, voice=known.speaking & sound),
    }


def _labels(settings: SimulatedSettings, name: str) -> pd.DataFrame:
    scaled = settings.label_scale * _slow_paths(settings, name, "affect")
    values = np.clip(scaled, AFFECT.low, AFFECT.high)
    return pd.DataFrame(values, columns=list(AFFECT.outputs)).assign(**{TIME: np.nan})


def _view(affect: Array, correlations: tuple[float, float], *, nuisance: Array) -> Array:
    """Paths (F, 2) of variance 1 and these correlations with `affect`."""
    rho = np.array(correlations)
    return rho * affect + np.sqrt(1 - rho**2) * nuisance


def _picture(settings: SimulatedSettings, name: str, seen: Array) -> Array:
    draws = partial(_draws, settings, name)
    frames = settings.frames
    noise = draws("frame noise").standard_normal((frames, 2))
    if settings.noise_frames:
        noise = _ornstein_uhlenbeck(noise, settings.noise_frames)
    identity = draws("identity").standard_normal(IDENTITY)
    latent = np.hstack(
        (
            seen + settings.frame_noise * noise,
            np.broadcast_to(identity, (frames, IDENTITY)),
            _ornstein_uhlenbeck(draws("pose").standard_normal((frames, POSE)), POSE_FRAMES),
        )
    )
    return _projected(settings, "picture", latent, settings.video, lambda x: np.maximum(x, 0))


def _sound(settings: SimulatedSettings, name: str, known: Truth) -> Array:
    draws = partial(_draws, settings, name)
    frames = settings.frames
    voice = draws("voice").standard_normal(VOICE)
    phones = draws("phones").standard_normal((frames, PHONES))
    spoken = np.hstack(
        (
            known.heard,
            np.broadcast_to(voice, (frames, VOICE)),
            _ornstein_uhlenbeck(phones, PHONE_FRAMES),
        )
    )
    room = ROOM * draws("room").standard_normal(spoken.shape)
    mean, std = _sound_moments(settings)
    return (_through_tanh(settings, known.speaking[:, None] * spoken + room) - mean) / std


def _through_tanh(settings: SimulatedSettings, latent: Array) -> Array:
    return _projected(settings, "sound", latent, settings.audio, np.tanh)


def _projected(
    settings: SimulatedSettings,
    kind: str,
    latent: Array,
    outputs: int,
    bend: Callable[[Array], Array],
) -> Array:
    """Features (F, outputs) of what is shown or heard (F, D), by random projections that bend."""
    x = bend(latent @ _projection(settings, kind, latent.shape[1], outputs))
    for number in range(1, settings.projections):
        x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
        x = bend(x @ _projection(settings, f"{kind} {number}", outputs, outputs))
    return x


@cache
def _sound_moments(settings: SimulatedSettings) -> tuple[Array, Array]:
    """Mean and deviation (A,) of the sound's features, from draws that no speaker depends on."""
    draws = _draws(settings, "everybody", "moments")
    spoken = draws.standard_normal((20_000, 2 + VOICE + PHONES))
    spoken *= draws.random((len(spoken), 1)) >= PAUSES
    spoken += ROOM * draws.standard_normal(spoken.shape)
    projected = _through_tanh(settings, spoken)
    return projected.mean(axis=0), projected.std(axis=0)


@cache
def _projection(settings: SimulatedSettings, kind: str, inputs: int, outputs: int) -> Array:
    weights = _draws(settings, "everybody", kind).standard_normal((inputs, outputs))
    return weights / np.sqrt(inputs)


def _slow_paths(settings: SimulatedSettings, name: str, kind: str) -> Array:
    """Two paths (F, 2) of variance 1, a share of which lies between speakers."""
    offset = _draws(settings, name, f"{kind} offset").standard_normal(2)
    innovations = _draws(settings, name, kind).standard_normal((settings.frames, 2))
    path = _ornstein_uhlenbeck(innovations, settings.time_constant)
    share = settings.speaker_share
    return np.sqrt(share) * offset + np.sqrt(1 - share) * path


def _ornstein_uhlenbeck(innovations: Array, time_constant: float) -> Array:
    """Stationary paths of variance 1 along the first axis, correlation exp(−lag / time constant).

    An Ornstein-Uhlenbeck process seen at whole frames is exactly this autoregression of order 1.
    """
    from scipy.signal import lfilter

    keep = np.exp(-1 / time_constant)
    driven = innovations * np.sqrt(1 - keep**2)
    driven[0] = innovations[0]
    return np.asarray(lfilter([1.0], [1.0, -keep], driven, axis=0))


def _stretches(
    settings: SimulatedSettings, name: str, kind: str, share: float, mean_frames: float
) -> NDArray[np.bool_]:
    """Whether a frame (F,) is in one of the stretches that cover a share of the frames.

    Stretches and the gaps between them have geometric lengths: a Markov chain of two states.
    """
    draws = _draws(settings, name, kind)
    if share == 0:
        return np.zeros(settings.frames, bool)
    begins_inside = draws.random() < share
    lengths = draws.geometric(
        p=(1 / mean_frames, share / (1 - share) / mean_frames), size=(settings.frames, 2)
    )
    inside = np.tile([True, False], len(lengths))
    return np.repeat(inside, lengths.ravel())[0 if begins_inside else lengths[0, 0] :][
        : settings.frames
    ]


def _draws(settings: SimulatedSettings, name: str, kind: str) -> np.random.Generator:
    return np.random.default_rng([settings.seed, *f"{name}/{kind}".encode()])
