"""Settings that are refused, and what is said of them."""

import pytest
from pydantic import ValidationError

from models.settings import TrainSettings


@pytest.mark.parametrize("heldout", [0.1, 0.9, "validation", "none"])
def test_the_epoch_is_chosen_by_a_share_or_the_validation_split_or_not_at_all(
    heldout: object,
) -> None:
    assert TrainSettings.model_validate({"heldout": heldout}).heldout == heldout


@pytest.mark.parametrize("heldout", [0.0, 1.0, -0.1, float("nan"), 1, True, None, "test", [0.2]])
def test_another_heldout_is_refused_in_one_sentence(heldout: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TrainSettings.model_validate({"heldout": heldout})
    (error,) = caught.value.errors()
    assert error["msg"] == "should be above 0 and below 1, `validation` or `none`"


@pytest.mark.parametrize(("patience", "decay_epochs"), [(11, 10), (6, 5), (1, 3)])
def test_a_plateau_that_never_comes_is_refused(patience: int, decay_epochs: int) -> None:
    settings = {"decay": "plateau", "patience": patience, "decay_epochs": decay_epochs}
    with pytest.raises(ValidationError, match="ends training before decay_epochs"):
        TrainSettings.model_validate(settings)
    TrainSettings.model_validate({**settings, "patience": decay_epochs + 2})
    TrainSettings.model_validate({**settings, "decay": "step"})
