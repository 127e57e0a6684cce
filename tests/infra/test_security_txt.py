"""`security.txt` from the settings: its form, its end, and mistakes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sinetti.infra.security_txt import load_security_txt

NOW = datetime(2027, 1, 1, tzinfo=UTC)
GOOD = {
    "contact": ["mailto:security@authority.example", "https://authority.example/report"],
    "expires": "2027-12-31T00:00:00Z",
    "preferred_languages": ["fi", "sv", "en"],
}
TEXT = (
    b"Contact: mailto:security@authority.example\r\nContact: https://authority.example/report\r\n"
    b"Expires: 2027-12-31T00:00:00Z\r\nPreferred-Languages: fi, sv, en\r\n"
)
FORMS = {
    "as text": ("2027-12-31T00:00:00Z", b"2027-12-31T00:00:00Z"),
    "as an instant of TOML": (datetime(2027, 12, 31, tzinfo=UTC), b"2027-12-31T00:00:00Z"),
    "in another zone": (datetime(2027, 12, 31, tzinfo=timezone(timedelta(hours=2))), b"2027-12-30T22:00:00Z"),
}


@pytest.mark.parametrize(("expires", "written"), FORMS.values(), ids=FORMS)
def test_content(expires, written):
    content, problem = load_security_txt({**GOOD, "expires": expires}, "authority.toml", NOW)
    assert problem == ""
    assert content.render(NOW) == TEXT.replace(b"2027-12-31T00:00:00Z", written)


def test_without_languages_there_is_no_such_line():
    content, _ = load_security_txt({**GOOD, "preferred_languages": []}, "authority.toml", NOW)
    assert b"Languages" not in content.render(NOW)


def test_without_the_table_there_is_no_file_and_no_problem():
    assert load_security_txt(None, "authority.toml", NOW) == (None, "")


def test_nothing_is_rendered_from_the_end_on():
    content, _ = load_security_txt(GOOD, "authority.toml", NOW)
    assert content.render(content.expires - timedelta(seconds=1)) == TEXT
    assert content.render(content.expires) is None


WRONG = {
    "no table": ("x", "security_txt"),
    "no contact": ({**GOOD, "contact": []}, "contact"),
    "a contact that is no address": ({**GOOD, "contact": ["security@authority.example"]}, "contact"),
    "a contact over plain http": ({**GOOD, "contact": ["http://authority.example"]}, "contact"),
    "a second line in a contact": ({**GOOD, "contact": ["mailto:a@b.example\r\nContact: mailto:c@d"]}, "contact"),
    "no end": ({"contact": GOOD["contact"]}, "expires"),
    "an end without a zone": ({**GOOD, "expires": "2027-12-31T00:00:00"}, "expires"),
    "an end that is no instant": ({**GOOD, "expires": "next year"}, "expires"),
    "an end that has no instant in UTC": ({**GOOD, "expires": "9999-12-31T23:59:59-14:00"}, "expires"),
    "an end of TOML that has none in UTC": (
        {**GOOD, "expires": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))},
        "expires",
    ),
    "an end that is past": ({**GOOD, "expires": "2026-12-31T23:59:59Z"}, "expires is past"),
    "an end that is now": ({**GOOD, "expires": "2027-01-01T00:00:00Z"}, "expires is past"),
    "a language that is none": ({**GOOD, "preferred_languages": ["fi,sv"]}, "preferred_languages"),
    "a misspelt key": ({**GOOD, "contacts": []}, "contacts"),
}


@pytest.mark.parametrize(("table", "said"), WRONG.values(), ids=WRONG)
def test_a_problem_says_what_to_write(table, said):
    content, problem = load_security_txt(table, "authority.toml", NOW)
    assert content is None
    assert problem.startswith("authority.toml: ")
    assert said in problem
