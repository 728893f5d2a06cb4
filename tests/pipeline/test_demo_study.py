"""The study of the demo has the demo's settings."""

import pytest

from features.hashes import PROJECT
from pipeline.params import FILE, Params, read_settings
from pipeline.studies.settings import StudySettings


@pytest.fixture(scope="module")
def settings() -> tuple[Params, Params]:
    """Of params.yaml and of the study."""
    _, ours = read_settings(PROJECT / FILE, Params)
    _, study = read_settings(PROJECT / "pipeline/studies/demo.yaml", StudySettings)
    return ours, study


@pytest.mark.parametrize("section", ["corpus", "faces", "streams", "windows", "models", "evaluate"])
def test_its_settings_are_those_of_params_yaml(
    settings: tuple[Params, Params], section: str
) -> None:
    ours, study = settings
    assert getattr(study, section) == getattr(ours, section)


def test_it_trains_likewise_with_more_seeds(settings: tuple[Params, Params]) -> None:
    ours, study = settings
    assert set(ours.train.seeds) < set(study.train.seeds)
    assert study.train.model_copy(update={"seeds": ours.train.seeds}) == ours.train
