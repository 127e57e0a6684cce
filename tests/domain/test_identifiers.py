"""Form of organisation ids, and equality of two ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.domain.values import (
    Channel,
    CustomerIdError,
    Environment,
    IdentifierType,
    Organisation,
    check_customer_id,
    is_business_id,
    is_identifier,
    is_same_identifier,
    normalise,
)
from tests.domain.facts import CLOSED, CUSTOMER, WITHDRAWN

BUSINESS_ID, VAT, FOREIGN, REGISTER, ARTIFICIAL = IdentifierType
PRODUCTION, TEST = Environment

BUSINESS_IDS = {
    "right": ("1234567-1", True),
    "check digit 0": ("0000000-0", True),
    "wrong check digit": ("1234567-2", False),
    "rest 1 has no check digit at all": ("0000060-1", False),
    "the real bench's customer": ("0123456-7", False),
    "no hyphen": ("12345671", False),
    "six digits": ("123456-1", False),
    "a letter": ("123456a-1", False),
    "digits of another script": ("\N{ARABIC-INDIC DIGIT ONE}234567-1", False),
    "line break at the end": ("1234567-1\n", False),
}


@pytest.mark.parametrize(("customer_id", "fits"), BUSINESS_IDS.values(), ids=BUSINESS_IDS)
def test_business_id_fits(customer_id, fits):
    assert is_business_id(customer_id) is fits


@given(some.integers(0, 9_999_999))
def test_a_number_has_at_most_one_check_digit(number):
    fitting = [digit for digit in range(10) if is_business_id(f"{number:07}-{digit}")]
    assert len(fitting) <= 1


@given(some.integers(0, 9_999_999), some.integers(0, 6), some.integers(1, 9))
def test_one_wrong_digit_is_noticed(number, place, shift):
    digits = f"{number:07}"
    wrong = digits[:place] + str((int(digits[place]) + shift) % 10) + digits[place + 1 :]
    for check in range(10):
        assert not (is_business_id(f"{digits}-{check}") and is_business_id(f"{wrong}-{check}"))


TYPED = {
    "a Business ID": ("1234567-1", True, True),
    "a wrong check digit": ("1234567-2", False, True),
    "a Business ID that lacks a digit": ("123456-1", False, True),
    "a Finnish VAT number": ("FI12345671", True, True),
    "a Finnish VAT number with its hyphen": ("fi1234567-1", True, True),
    "a Finnish VAT number with a wrong check digit": ("FI12345672", False, True),
    "a Finnish VAT number that lacks a digit": ("FI1234567", False, True),
    "another country's": ("SE556677889901", True, True),
    "a foreign id": ("HRB.1234/B", True, True),
    "another register's": ("556036-0793", True, True),
    "a word": ("Sinisiipi", False, True),
    "a letter outside the alphabet": ("ä", False, False),
    "a word and a digit": ("ESTONIA7", True, True),
    "nothing": ("", False, False),
    "two words": ("x 123", False, False),
    "31 characters": ("1" * 31, False, False),
}


@pytest.mark.parametrize(("typed", "production", "in_test"), TYPED.values(), ids=TYPED)
def test_what_may_be_an_id_whatever_its_kind(typed, production, in_test):
    assert is_identifier(typed, PRODUCTION) is production
    assert is_identifier(typed, TEST) is in_test


ACCEPTED = {
    "a Business ID": ("1234567-1", BUSINESS_ID, PRODUCTION, "1234567-1"),
    "blanks around it": (" 1234567-1\t", BUSINESS_ID, PRODUCTION, "1234567-1"),
    "a Finnish VAT number": ("FI12345671", VAT, PRODUCTION, "FI12345671"),
    "a VAT number in small letters": ("se556677889901", VAT, PRODUCTION, "se556677889901"),
    "a foreign id": ("HRB.1234/B", FOREIGN, PRODUCTION, "HRB.1234/B"),
    "a word that begins like a VAT number": ("SEVEN", REGISTER, PRODUCTION, "SEVEN"),
    "a word and a digit": ("ESTONIA7", FOREIGN, PRODUCTION, "ESTONIA7"),
    "letters and digits": ("PLC12345", REGISTER, PRODUCTION, "PLC12345"),
    "a VAT number with letters in it": ("NL123456789B01", VAT, PRODUCTION, "NL123456789B01"),
    "a register id": ("1234567", REGISTER, PRODUCTION, "1234567"),
    "30 characters": ("9" * 30, REGISTER, PRODUCTION, "9" * 30),
    "an artificial id in TEST": ("0123456-7", ARTIFICIAL, TEST, "0123456-7"),
    "TEST asks for no check digit": ("1234567-2", BUSINESS_ID, TEST, "1234567-2"),
    "TEST lets any kind look like any other": ("1234567-1", FOREIGN, TEST, "1234567-1"),
}


@pytest.mark.parametrize(("customer_id", "kind", "environment", "registered"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted_ids(customer_id, kind, environment, registered):
    assert check_customer_id(customer_id, kind, environment) == registered


REFUSED = {
    "empty": ("", FOREIGN, TEST, "1 to 30 characters"),
    "blanks only": ("  ", FOREIGN, TEST, "1 to 30 characters"),
    "31 characters": ("9" * 31, FOREIGN, TEST, "1 to 30 characters"),
    "a blank inside": ("HRB 1234", FOREIGN, TEST, "1 to 30 characters"),
    "a letter of another alphabet": ("ÅLAND1", FOREIGN, TEST, "1 to 30 characters"),
    "an artificial id in PRODUCTION": ("0123456-7", ARTIFICIAL, PRODUCTION, "TEST environment"),
    "a wrong check digit": ("1234567-2", BUSINESS_ID, PRODUCTION, "right check digit"),
    "no Business ID": ("12345671", BUSINESS_ID, PRODUCTION, "right check digit"),
    "a Finnish VAT number with a wrong check digit": ("FI12345670", VAT, PRODUCTION, "VAT number begins"),
    "a word for a VAT number": ("ELAB", VAT, PRODUCTION, "VAT number begins"),
    "a VAT number with a full stop in it": ("FI.12345671", FOREIGN, PRODUCTION, "kind vat"),
    "no VAT number": ("1234567-1", VAT, PRODUCTION, "VAT number begins"),
    "a country that is not in the EU": ("US1234567", VAT, PRODUCTION, "VAT number begins"),
    "a foreign id that passes for a Business ID": ("1234567-1", FOREIGN, PRODUCTION, "kind business-id"),
    "… with a wrong check digit too": ("1234567-2", REGISTER, PRODUCTION, "kind business-id"),
    "a foreign id that passes for a VAT number": ("FI12345671", FOREIGN, PRODUCTION, "kind vat"),
    "… with a hyphen in it": ("fi1234567-1", REGISTER, PRODUCTION, "kind vat"),
}


@pytest.mark.parametrize(("customer_id", "kind", "environment", "says"), REFUSED.values(), ids=REFUSED)
def test_refused_ids(customer_id, kind, environment, says):
    with pytest.raises(CustomerIdError, match=says):
        check_customer_id(customer_id, kind, environment)


SAME = {
    "alike": ("0123456-7", "0123456-7", True),
    "case": ("FI12345671", "fi12345671", True),
    "blanks": ("0123456-7", " 0123456-7\n", True),
    "composed and decomposed": ("Å1", "A\N{COMBINING RING ABOVE}1", True),
    "another": ("0123456-7", "0123456-8", False),
    "without its hyphen": ("0123456-7", "01234567", False),
}


@pytest.mark.parametrize(("one", "other", "same"), SAME.values(), ids=SAME)
def test_same_customer(one, other, same):
    assert is_same_identifier(one, other) is same


@given(some.text(alphabet="ABCabc0189./-", min_size=1, max_size=30))
def test_what_is_registered_is_found_under_what_was_written(written):
    registered = check_customer_id(written, FOREIGN, TEST)
    assert is_same_identifier(registered, written.swapcase())
    assert normalise(normalise(written)) == normalise(written)


USE = {
    "approved": (CUSTOMER, Channel.WS, True),
    "another channel": (CUSTOMER, Channel.SFTP, False),
    "closed": (CLOSED, Channel.WS, False),
    "withdrawn": (WITHDRAWN, Channel.WS, False),
    "approved for both": (
        Organisation("1", "x", open=True, channels=frozenset(Channel)),
        Channel.SFTP,
        True,
    ),
}


@pytest.mark.parametrize(("customer", "channel", "may"), USE.values(), ids=USE)
def test_may_use(customer, channel, may):
    assert customer.is_approved_for(channel) is may
