"""A network in an ONNX file as an extractor: of face crops in batches, or of an item's sound."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from features.extractors.batches import OfCrops
from features.extractors.described import Described
from features.extractors.onnx.model_file import REMEDY, Model
from features.extractors.onnx.pictures import blank, check_pictures, prepared
from features.extractors.onnx.settings import OnnxSettings
from features.extractors.onnx.sound import check_sound, rows_of_sound
from features.extractors.silence import sound_present
from features.extractors.sound import AudioSource


class Onnx(OfCrops):
    """Describes face crops (`describe`) or sound (`extract`), by the stream's modality.

    Args:
        settings: of the stream.
        device: where the network runs, if onnxruntime can run there.

    Raises:
        InputError: the file is not what the settings say.
    """

    remedy = REMEDY

    def __init__(self, settings: OnnxSettings, device: str) -> None:
        self._settings = settings
        self._model = Model(settings, device)
        self.title, self.device = self._model.title, self._model.device
        if settings.picture is not None:
            self.batch_size = settings.picture.batch_size
            self.outputs = check_pictures(self._model, settings.path, settings.picture)
        else:
            assert settings.sound is not None  # the schema demands it
            self.outputs = check_sound(self._model, settings.path, settings.sound)

    @override
    def describe(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert self._settings.picture is not None
        rows = self._model.run(prepared(crops, self._settings.picture))
        return rows.reshape(len(crops), self.outputs)

    @override
    def blank_crop(self) -> NDArray[np.uint8]:
        assert self._settings.picture is not None
        return blank(self._settings.picture)

    @override
    def origin(self) -> dict[str, Any]:
        return {"sha256": self._settings.sha256, "device": self.device}

    def extract(self, source: AudioSource) -> Described:
        """Describe the sound of one item.

        Raises:
            InputError: it cannot be decoded, or the network does not fit the settings.
        """
        settings = self._settings.sound
        assert settings is not None
        samples, start = source.sound(settings.rate)
        rows = rows_of_sound(self._model, samples, self.outputs, settings)
        hop = settings.samples("hop")
        return Described(
            rows=rows,
            times=start + np.arange(len(rows), dtype=np.float64) * settings.hop,
            present=sound_present(
                samples, len(rows), settings.silence, hop=hop, window=hop, rate=settings.rate
            ),
            span=(start, len(samples) / settings.rate),
            window=settings.hop,
            rate=settings.rate / hop,
            attributes=self.origin(),
        )
