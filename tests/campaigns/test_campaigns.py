"""A seeded sample of each campaign; `python -m tests.campaigns NAME` runs them in full."""

import pytest

from tests.campaigns.__main__ import CAMPAIGNS, run

SAMPLES = {"kills": 2, "extraction": 5, "flips": 10, "fuzz": 12, "recipes": 20}


@pytest.mark.slow
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_sample_of_each_campaign_finds_nothing(name, tmp_path):
    tally = run(name, SAMPLES[name], 1, tmp_path)
    assert tally.found == []
    assert tally.outcomes.total() >= SAMPLES[name]
