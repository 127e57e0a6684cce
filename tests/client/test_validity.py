"""Order of checks: dates are judged after the issuer.

The certificate's own dates come first, then those of the CAs above it, up to an anchor.
"""

from datetime import timedelta

import pytest

from sinetti.client import renewal_window
from sinetti.client.messages import messages
from sinetti.client.renewal_window import ValidityError, check_validity
from sinetti.domain.values import Language
from tests.support import authority

SECOND = timedelta(seconds=1)
LEAF = authority.holder_certificate(authority.holder_key())
ISSUER = authority.issuer().certificate
EARLY = authority.holder_certificate(authority.holder_key(), begins=authority.NOW + timedelta(days=1))
"""Certificate that also stands in for a CA, since the checks read only dates."""
BEGINS, ENDS = LEAF.not_valid_before_utc, LEAF.not_valid_after_utc

CASES = {
    "all is well": (LEAF, [[ISSUER]], BEGINS, None),
    "its last second": (LEAF, [[ISSUER]], ENDS, None),
    "one second late": (LEAF, [[ISSUER]], ENDS + SECOND, ValidityError(of_issuer=False, early=False, at=ENDS)),
    "one second early": (LEAF, [[ISSUER]], BEGINS - SECOND, ValidityError(of_issuer=False, early=True, at=BEGINS)),
    "the CA begins later": (
        LEAF,
        [[EARLY]],
        BEGINS,
        ValidityError(of_issuer=True, early=True, at=EARLY.not_valid_before_utc),
    ),
    "the CA ended before": (EARLY, [[LEAF]], ENDS + SECOND, ValidityError(of_issuer=True, early=False, at=ENDS)),
    "one of its two CAs is in time": (LEAF, [[EARLY], [ISSUER]], BEGINS, None),
    "the CA above its CA begins later": (
        LEAF,
        [[ISSUER, EARLY]],
        BEGINS,
        ValidityError(of_issuer=True, early=True, at=EARLY.not_valid_before_utc),
    ),
    "another way up is in time": (LEAF, [[ISSUER, EARLY], [ISSUER, ISSUER]], BEGINS, None),
}


@pytest.mark.parametrize(("certificate", "ways", "now", "expected"), CASES.values(), ids=CASES)
def test_out_of_time(certificate, ways, now, expected):
    assert check_validity(certificate, ways, now) == expected


def test_a_lag_of_the_clock_is_allowed_for_at_the_beginning_alone():
    assert check_validity(LEAF, [[ISSUER]], BEGINS - SECOND, SECOND) is None
    assert check_validity(LEAF, [[ISSUER]], ENDS + SECOND, SECOND) is not None


def test_the_sentence_names_whose_dates_they_are():
    found = ValidityError(of_issuer=True, early=False, at=ENDS)
    told = renewal_window.validity_message(found, messages.THE_SIGNERS, messages.THE_SIGNERS_CA, ENDS + SECOND)
    assert messages.render(told, Language.EN).startswith(
        "The certificate of the CA that issued the signer's certificate was valid only until 1 March 2028 at 14:00"
    )
