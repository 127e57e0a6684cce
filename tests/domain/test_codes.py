"""Codes of reasons: each reason has one code of the known form, and back."""

import re

import pytest

from sinetti.domain.refusals import ERROR_CODES, RejectionReason, reason_for_code


@pytest.mark.parametrize("reason", RejectionReason)
def test_every_reason_has_a_code_of_its_own(reason):
    assert re.fullmatch(r"PKI\d{3}", ERROR_CODES[reason])
    assert reason_for_code(ERROR_CODES[reason]) is reason


def test_codes_are_unique_and_a_strangers_code_has_no_reason():
    assert len(set(ERROR_CODES.values())) == len(ERROR_CODES) == len(RejectionReason)
    assert reason_for_code("PKI555") is None


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        ERROR_CODES[RejectionReason.MALFORMED] = "PKI000"
