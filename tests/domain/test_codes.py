"""Every reason has one code of the known form, and every code leads back."""

import re

import pytest

from sinetti.domain.codes import CODES, reason_of
from sinetti.domain.refusals import Reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_code_of_its_own(reason):
    assert re.fullmatch(r"PKI\d{3}", CODES[reason])
    assert reason_of(CODES[reason]) is reason


def test_codes_are_unique_and_a_strangers_code_has_no_reason():
    assert len(set(CODES.values())) == len(CODES) == len(Reason)
    assert reason_of("PKI555") is None


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        CODES[Reason.MALFORMED] = "PKI000"
