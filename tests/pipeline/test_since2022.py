"""The study of the methods since 2021: what its file says, and how minutes are noted."""

from pathlib import Path

import pytest

from models.settings.presets import PRESETS
from pipeline.params import read_settings
from pipeline.studies.minutes import Timed, minutes_of, write_minutes
from pipeline.studies.settings import StudySettings
from pipeline.study import file_of

METHODS = {
    "imder": "wang2023",
    "vavl": "goncalves2023",
    "mmin": "zhao2021",
    "if_mmin": "zuo2023",
    "self_distillation": "zhong2025",
    "balanced": "sun2024",
}


def test_every_method_is_there_beside_a_rival_that_is_trained_alike() -> None:
    _, study = read_settings(file_of("since2022"), StudySettings)
    assert (len(study.train.seeds), study.evaluate.trials) == (3, 1)
    rivals = study.evaluate.rivals(study.models)
    assert rivals.keys() == METHODS.keys()
    for name, preset in METHODS.items():
        assert study.models[name].preset == preset
        assert PRESETS[preset].deviations
        (rival,) = rivals[name]
        train, other = study.resolved(name).train, study.resolved(rival).train
        # Their own sizes, and nothing else that has a use.
        own = {"network", "decay_epochs"}
        assert train.decay == "none"
        assert train.model_dump(exclude=own) == other.model_dump(exclude=own)
    assert study.resolved("imder").options.model_dump()["steps"] == 10
    assert PRESETS["wang2023"].networks["imder"].options["steps"] == 100


def test_seconds_of_a_training_that_went_on_are_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / "seconds" / key for key in ("a", "b")]

    def killed(answer: int) -> int:
        if answer:
            raise KeyboardInterrupt
        return 3

    files[0].parent.mkdir()
    files[0].write_text("60\n")
    with pytest.raises(KeyboardInterrupt):
        Timed(killed, files[0])(1)
    assert Timed(killed, files[0])(0) == 3
    write_minutes("m", files, 8)
    assert minutes_of("m") == {}  # of one seed nothing is known
    files[1].write_text("180\n")
    write_minutes("m", files, 8)
    assert minutes_of("m") == {"minutes": 2.0, "epoch_seconds": 30.0}
