"""Texts that people enter: accepted, rejected, and named in the error message."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sinetti.domain import validation
from sinetti.domain.validation import ValidationError
from tests.support import golden

TAKEN = {
    "a name is trimmed": (validation.check_text, ("name", " Malli Oy ", 100), "Malli Oy"),
    "as long as may be": (validation.check_text, ("name", "x" * 100, 100), "x" * 100),
    "letters of every language": (validation.check_text, ("name", "Åäö Öljy 株式会社", 100), "Åäö Öljy 株式会社"),
    "an empty description": (validation.check_text_or_none, ("description", "  ", 200), ""),
    "a description": (validation.check_text_or_none, ("description", "Payroll ", 200), "Payroll"),
    "an address": (
        validation.check_email,
        (
            "email",
            " contact@customer.example ",
        ),
        "contact@customer.example",
    ),
    "no phone": (validation.check_phone, ("phone", ""), ""),
    "a phone": (validation.check_phone, ("phone", "+358 (0)40 123-4567"), "+358 (0)40 123-4567"),
    "a country": (validation.check_country, ("country", "FI"), "FI"),
    "one of something": (validation.pluralise, (1, "list"), "1 list"),
    "none of something": (validation.pluralise, (0, "list"), "0 lists"),
}

REFUSED = {
    "an empty name": (validation.check_text, ("name", " ", 100), "name is a text of 1 to 100 printable characters"),
    "a name too long": (validation.check_text, ("name", "x" * 101, 100), "name is a text of 1 to 100"),
    "a line break inside": (validation.check_text, ("name", "a\nb", 100), "name is a text of 1 to 100"),
    "a filler that no reader sees": (validation.check_text, ("name", "a\u3164b", 100), "name is a text of 1 to 100"),
    "half a character": (validation.check_text, ("name", "\ud800", 100), "name is a text of 1 to 100"),
    "a description too long": (
        validation.check_text_or_none,
        ("description", "x" * 9, 8),
        "description is a text of 1 to 8",
    ),
    "no at sign": (validation.check_email, ("email", "contact"), "email is an address like"),
    "a header injected": (
        validation.check_email,
        ("email", "a@b.example\r\nBcc: c@d.example"),
        "email is an address like",
    ),
    "two addresses": (validation.check_email, ("email", "a@b.example,c@d.example"), "email is an address like"),
    "an address too long": (validation.check_email, ("email", "x" * 250 + "@b.fi"), "email is an address like"),
    "an address with a control character": (
        validation.check_email,
        ("email", "a\0@b.example"),
        "email is an address like",
    ),
    "letters in a phone": (validation.check_phone, ("phone", "call me"), "phone is a number like"),
    "a phone too long": (validation.check_phone, ("phone", "1" * 31), "phone is a number like"),
    "a country in words": (validation.check_country, ("country", "Finland"), "country is a country's two capitals"),
    "a country in small letters": (validation.check_country, ("country", "fi"), "country is a country's two capitals"),
}


@pytest.mark.parametrize(("check", "given", "expected"), TAKEN.values(), ids=TAKEN)
def test_taken(check, given, expected):
    assert check(*given) == expected


@pytest.mark.parametrize(("check", "given", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(check, given, sentence):
    with pytest.raises(ValidationError, match=sentence):
        check(*given)


LOCAL_PARTS = some.from_regex(r"[a-zåäö0-9+_'-]{1,12}(\.[a-z0-9+_'-]{1,12}){0,2}", fullmatch=True)
HOSTS = some.from_regex(r"([a-z0-9å]([a-z0-9-]{0,8}[a-z0-9])?\.){1,3}([a-z]{2,8}|xn--[a-z0-9]{2,8})", fullmatch=True)
BROKEN = {
    "the host ends with a dot": "{local}@{host}.",
    "the host begins with a dot": "{local}@.{host}",
    "two dots in the host": "{local}@a..{host}",
    "the host has one label": "{local}@host",
    "no label before the last": "{local}@.example",
    "a label begins with a hyphen": "{local}@-a.{host}",
    "a label ends with a hyphen": "{local}@a-.{host}",
    "a number as the last label": "{local}@{host}.1",
    "an IP address": "{local}@[192.0.2.1]",
    "the local part begins with a dot": ".{local}@{host}",
    "the local part ends with a dot": "{local}.@{host}",
    "two dots in the local part": "a..{local}@{host}",
    "no local part": "@{host}",
    "no host": "{local}@",
    "two at signs": "{local}@b@{host}",
    "a comment": "{local}(home)@{host}",
    "this machine": "{local}@localhost",
    "a host without a dot": "{local}@customer",
}


@settings(max_examples=40)
@given(local=LOCAL_PARTS, host=HOSTS)
def test_every_well_formed_address_is_accepted(local, host):
    assert validation.check_email("email", f" {local}@{host} ") == f"{local}@{host}"


@pytest.mark.parametrize("host", ["localhost", "authority.example"])
def test_an_operator_may_have_an_address_on_the_machine(host):
    assert validation.check_email("email", f"root@{host}", local=True) == f"root@{host}"


def test_no_other_host_without_a_dot_is_local():
    with pytest.raises(ValidationError, match="email is an address"):
        validation.check_email("email", "root@machine", local=True)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_address_is_refused(broken):
    with pytest.raises(ValidationError, match="email is an address"):
        validation.check_email("email", broken.format(local="self", host="customer.example"))


@settings(max_examples=60)
@given(broken=some.sampled_from(list(BROKEN.values())), local=LOCAL_PARTS, host=HOSTS)
def test_it_is_refused_with_any_other_parts(broken, local, host):
    with pytest.raises(ValidationError, match="email is an address"):
        validation.check_email("email", broken.format(local=local, host=host))


LINKED = {
    "a scheme": "see http://evil.example",
    "another scheme": "ftp://x",
    "www": "www.evil",
    "a bare host name": "evil.example",
    "a host name with a path": "evil.example/pay",
    "a host name at the end of a sentence": "Pay at payroll.net.",
    "letters of other languages": "p\u00e4l.fi",
    "an e-mail address": "write to a@b.example",
    "an at sign": "a@b",
    "full-width letters": "\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d",
    "an ideographic full stop": "evil\u3002com",
    "an IP address with a path": "10.0.0.1/x",
    "an IP address with a port": "10.0.0.1:80",
    "no space after a full stop": "Palkat.Uusi",
}
PLAIN = {
    "a version": "Palkat 2.0",
    "a version with a letter": "v1.2",
    "an abbreviation": "Oy Firma Ab.",
    "initials": "J.R. Virtanen",
    "a short form": "e.g. payroll",
    "a date and a time": "1.2.2027 klo 8.30",
    "a name that begins with a full stop": ".NET",
    "two sentences": "Palkat. Uusi",
    "a number of a case": "N:o 3/2027",
}


@pytest.mark.parametrize("text", LINKED.values(), ids=LINKED)
def test_what_a_letter_must_not_carry(text):
    assert validation.has_link(text)
    with golden.refused("sentences/validation/a-link", validation.LinkError):
        validation.check_unlinked_or_none("description", text, 200)
    made = validation.unlinked(text)
    assert not any(one in made for one in ("@", "://", ".", "\uff0e", "\u3002"))
    assert made.isprintable()


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_what_a_letter_may_carry(text):
    assert validation.check_unlinked("description", text, 200) == validation.unlinked(text) == text


def test_nothing_in_it_is_no_link():
    assert validation.check_unlinked_or_none("description", " ", 200) == ""
    with pytest.raises(ValidationError, match="a text of 1 to 200"):
        validation.check_unlinked("description", " ", 200)


UNSEEN = {
    "fillers of Hangul": "\u3164\u115f\u1160\uffa0",
    "a blank of Braille": "\u2800",
    "of no width": "\u200b\u200c\u200d\u2060\ufeff",
    "changes of direction": "\u202a\u202e\u2066\u2069\u200e\u200f\u061c",
    "variation selectors": "\ufe00\ufe0f\U000e0100\U000e01ef\u180b",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "joiners and vowels": "\u034f\u17b4\u17b5\u00ad",
    "blanks of scripts and notes": "\U0001d159\U00013441\U00016fe4\u303f\ufffc",
    "half and unassigned characters": "\ud800\u0378\ue000\U000e0fff",
}


@pytest.mark.parametrize("text", UNSEEN.values(), ids=UNSEEN)
def test_what_no_reader_sees_is_shown_as_its_code_point(text):
    shown = validation.make_visible(f"a{text}b")
    assert shown == f"a{''.join(f'<U+{ord(one):04X}>' for one in text)}b"
    assert not any(map(validation.is_visible, text))


def test_control_characters_become_spaces_and_spaces_stay():
    assert validation.make_visible("a\x1b\r\n\u2028\u00a0ä b") == "a    \u00a0ä b"
    assert validation.make_visible("a\nb\u3164", kept="\n") == "a\nb<U+3164>"
    assert validation.make_visible("Åäö 株式会社 e\u0301") == "Åäö 株式会社 e\u0301"
