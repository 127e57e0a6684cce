"""Errors of an operator at `init`.

Each ends in one sentence, and never as a fault of the program.
"""

import pytest

from sinetti.ca.hierarchy_config import load_preset
from tests.cli.authority.conftest import ADDRESSES
from tests.support import golden

INIT = ("init", "--environment", "TEST", *ADDRESSES)

HIERARCHIES = {
    "days that no program counts": ("lifetime_days = 7305", "lifetime_days = 9999999999", "lifetime_days"),
    "days beyond the calendar": ("lifetime_days = 7305", "lifetime_days = 3000000", "lifetime_days"),
    "a control character": ('organisation = "Sinetti"', 'organisation = "Sin\\u0007etti"', "organisation"),
    "two lines": ('organisation = "Sinetti"', 'organisation = "Sinetti\\nOy"', "organisation"),
}


@pytest.mark.parametrize(("old", "new", "key"), HIERARCHIES.values(), ids=HIERARCHIES)
def test_hierarchies(sqlite_operator, tmp_path, old, new, key):
    file = tmp_path / "mine.toml"
    file.write_text(load_preset("default").replace(old, new), encoding="utf-8")
    assert key in sqlite_operator.refused(2, *INIT, "--hierarchy", file)
    assert not sqlite_operator.root.exists()


def test_an_organisation_of_many_letters(sqlite_operator, tmp_path):
    file = tmp_path / "mine.toml"
    text = load_preset("default").replace('organisation = "Sinetti"', f'organisation = "{"ä" * 300}"')
    file.write_text(text, encoding="utf-8")
    sqlite_operator.initialise("--hierarchy", file)


DATABASES = {
    "an option that there is none of": "postgresql://u:secret-word@127.0.0.1:1/n?foo=bar",
    "an option of SQLite": "sqlite:////tmp/register.sqlite3?foo=bar",
    "in memory": "sqlite://",
    "in memory, by name": "sqlite://:memory:",
    "in memory, as a path": "sqlite:///:memory:",
    "a relative path": "sqlite:///register.sqlite3",
    "a folder": "sqlite:////tmp/",
    "no name": "postgresql://u:secret-word@127.0.0.1:1/",
    "a long name": f"postgresql://u:secret-word@127.0.0.1:1/{'n' * 64}",
    "DEL": "postgresql://u:secret-word\x7f@127.0.0.1:1/n",
    "NUL": "postgresql://u:secret-word%00@127.0.0.1:1/n",
    "what is no UTF-8": "postgresql://u:secret-word\udcff@127.0.0.1:1/n",
    "a port that is none": "postgresql://u:secret-word@127.0.0.1:x/n",
    "a fragment": "postgresql://u:secret#word@127.0.0.1/n",
}


@pytest.mark.parametrize("url", DATABASES.values(), ids=DATABASES)
@pytest.mark.parametrize("how", ["option", "environment"])
def test_databases(sqlite_operator, monkeypatch, url, how):
    if how == "environment":
        monkeypatch.setenv("DATABASE_URL", url)
    sentence = sqlite_operator.refused(2, *INIT, *(("--database-url", url) if how == "option" else ()))
    assert "postgresql://" in sentence
    assert "secret-word" not in sentence
    assert not sqlite_operator.root.exists()


def test_addresses_in_capitals(sqlite_operator):
    sqlite_operator.refused(2, *INIT, "--base-url", "HTTP://pki.example")
    sqlite_operator.refused(2, *INIT, "--soap-url", "HTTPS://soap.example")
    golden.check("sentences/init-faults/addresses-in-capitals", sqlite_operator.said())
