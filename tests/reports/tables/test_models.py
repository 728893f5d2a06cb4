"""The table of what the models are."""

from html import escape

from models.settings.presets import PRESETS
from reports.tables.models import models_table
from tests.helpers.result_files import settings


def test_a_row_has_network_parameters_minutes_and_deviations() -> None:
    imder = settings("imder") | {"network": "imder", "preset": "wang2023", "minutes": 2.34}
    run = {"models": {"imder": imder, "plain": settings("plain")}}
    table = models_table(run, ["imder", "plain"])
    first, second = table.split("<tbody>")[1].split("</tr>")[:2]
    assert "Diffused modalities" in first
    assert "1,000" in first
    assert ">2.3<" in first
    assert all(escape(said) in first for said in PRESETS["wang2023"].deviations)
    assert "Crossmodal transformer" in second
    assert second.count("–") == 2  # no minutes, no paper
    del imder["minutes"]
    assert "minutes" not in models_table(run, ["imder", "plain"])
