"""`authority.toml`: equal values after writing and reading, and errors by name."""

from functools import partial
from pathlib import Path

import pytest

from sinetti.domain.values import Environment
from sinetti.infra.toml_tables import SettingsError
from sinetti.pki.signers.pkcs11_uri import TokenLocation
from sinetti.settings.authority import (
    AuthoritySettings,
    ResponseRecipe,
    check_base_url,
    check_database_url,
    check_soap_address,
    parse,
    read,
    render,
    write_token,
)
from tests.support import golden

PLAIN = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example/2017/10/CertificateServices")
RICH = AuthoritySettings(
    Environment.PRODUCTION,
    "http://127.0.0.1:20080/pki",
    "http://[::1]:8443/x",
    ResponseRecipe.ENVELOPED,
    'postgresql://me:"p\\a=ss\n\x7f%40ä"@db.example/register',
    certificates_per_list=50_000,
    bridge_hours=24,
    documentation_url="https://docs.example/sinetti/",
    pkcs11_module="/usr/lib/module.so",
    pkcs11_token='the authority\'s "token"',
    pkcs11_pin_file="/etc/sinetti/pin",
)


@pytest.mark.parametrize("settings", [PLAIN, RICH])
def test_what_is_written_is_read(settings):
    assert parse(render(settings)) == settings


def text(**changes):
    values = {"environment": "TEST", "base_url": "http://pki.example", "soap_address": "https://soap.example"} | changes
    return "".join(
        f"{name} = {value if value in ('7', '[]') else repr(value)}\n" for name, value in values.items() if value
    )


def test_the_time_before_a_first_signatory_may_act():
    """PRODUCTION can only raise it."""
    production = text(environment="PRODUCTION")
    assert parse(text()).policy.signatory_wait == 0
    assert parse(production).policy.signatory_wait == 24
    assert parse(f"{text()}signatory_wait_hours = 1\n").policy.signatory_wait == 1
    assert parse(f"{production}signatory_wait_hours = 72\n").policy.signatory_wait == 72


BAD = {
    "no TOML": "environment = ",
    "nothing": "",
    "an unknown environment": text(environment="DEV"),
    "a number for a word": text(environment="7"),
    "a misspelt setting": text(soap_adress="x"),
    "no base_url": text(base_url=None),
    "https in certificates": text(base_url="https://pki.example"),
    "an unknown recipe": text(response_recipe="both"),
    "a token without its module": text(pkcs11_token="ca", pkcs11_pin_file="/pin"),
    "a relative path of a module": text(pkcs11_token="ca", pkcs11_pin_file="/pin", pkcs11_module="m.so"),
    "a label that is a number": text() + "pkcs11_token = 7\n",
    "lists of fewer than none": text() + "certificates_per_list = -1\n",
    "lists of a text": text() + "certificates_per_list = '7'\n",
    "a bridge that is open for too long": text() + "bridge_hours = 73\n",
    "a bridge of no number": text() + "bridge_hours = '7'\n",
    "lists of too many": text() + "certificates_per_list = 10000001\n",
    "documentation that is a file": text(documentation_url="/srv/docs"),
    "documentation that is a program": text(documentation_url="javascript:x"),
    "documentation that is a number": text(documentation_url="7"),
    "an act that there is not": text() + "[approvals]\nstaf = 2\n",
    "approvals that are no table": text() + "approvals = 2\n",
    "a database that is a list": text(database_url="[]"),
}


WAITS = (("PRODUCTION", 23), ("PRODUCTION", 0), ("TEST", -1), ("TEST", 721), ("TEST", "true"))
KEPT_DAYS = ("29", "36_501", "'730'", "730.0", "true")


def test_what_is_wrong_is_named(tmp_path):
    bad = BAD | {f"{one}: {wait} h": f"{text(environment=one)}signatory_wait_hours = {wait}\n" for one, wait in WAITS}
    bad |= {f"keep_people_days = {days}": f"{text()}keep_people_days = {days}\n" for days in KEPT_DAYS}
    attempts = {name: partial(parse, written) for name, written in bad.items()}
    paths = {name: tmp_path / name for name in ("not-there", "no-utf-8", "of-all-users")}
    paths["no-utf-8"].write_bytes(b"\xff")
    paths["of-all-users"].write_text("")
    paths["of-all-users"].chmod(0o666)
    attempts |= {name: partial(read, path) for name, path in paths.items()}
    golden.check("settings/authority", {"en.txt": golden.refusals(attempts, SettingsError, FOLDER=tmp_path)})


ADDRESSES = {
    "https://soap.example/": "https://soap.example",
    "https://soap.example:8443/a/": "https://soap.example:8443/a",
    "soap.example": None,
    "ftp://soap.example": None,
    "https://": None,
    "https://user@soap.example": None,
    "https://user:password@soap.example": None,
    "https://soap.example?x": None,
    "https://soap.example#x": None,
    "https://soap.example:0": None,
    "https://soap.example:65536": None,
    "https://soap.example:x": None,
    "https://[::1": None,
    "https://soap.example/a b": None,
    "https://soap.example/\n": None,
    'https://soap.example/"': None,
    "https://säil.example": None,
    "": None,
    None: None,
    7: None,
}


NO_BASES = ("https://", "ftp://pki.example", "pki.example", "https://me@pki.example", "", None)


def test_addresses():
    taken = {address: result for address, result in ADDRESSES.items() if result}
    assert {address: check_soap_address("soap", address) for address in taken} == taken
    assert check_base_url("base", "http://pki.example/a/") == "http://pki.example/a"
    attempts = {
        f"soap {address!r}": partial(check_soap_address, "soap", address) for address in ADDRESSES.keys() - taken.keys()
    }
    attempts |= {f"base {address!r}": partial(check_base_url, "base", address) for address in NO_BASES}
    text = golden.refusals(dict(sorted(attempts.items())), SettingsError)
    golden.check("settings/addresses", {"en.txt": text})


DATABASES = {
    "": True,
    "postgresql://me:p%40ss@db.example:5432/register?sslmode=require": True,
    "postgresql://me:pw@one.example:5432,two.example:5433/register?target_session_attrs=read-write": True,
    "postgresql://me@one.example,two.example/register": True,
    "postgresql://secret@one.example:5432,two.example:0/x": False,
    "postgresql://secret@one.example,,two.example/x": False,
    "postgresql://secret@one.example:5432,two.example:x/x": False,
    "postgres:///register": True,
    "postgresql:///%72egister": True,
    "sqlite:////srv/sinetti/register.sqlite3": True,
    "sqlite:////srv/with%20blank/x": True,
    "sqlite:////srv/with blank/x": True,
    "sqlite:///x": False,
    "sqlite:///:memory:": False,
    "sqlite://": False,
    "sqlite:////srv/": False,
    "sqlite:////srv/x?mode=ro": False,
    "sqlite:////srv/x%00": False,
    "postgresql://secret@db.example": False,
    "postgresql://secret@db.example/": False,
    "postgresql://secret\x7f@db.example/x": False,
    "postgresql://secret@[::1/x": False,
    "postgresql://secret@db.example:0/x": False,
    "mysql://secret@db.example/x": False,
    "secret": False,
}


def test_addresses_of_databases():
    good = [url for url, is_good in DATABASES.items() if is_good]
    assert [check_database_url("database_url", url) for url in good] == good
    bad = {repr(url): partial(check_database_url, "database_url", url) for url in DATABASES if url not in good}
    golden.check("settings/database-addresses", {"en.txt": golden.refusals(bad, SettingsError)})


def test_a_password_is_not_shown():
    assert "a=ss" not in repr(RICH)


def test_periods():
    settings = parse(f"{text()}keep_refusals_days = 30\n")
    kept = settings.periods
    assert (kept.people.days, kept.refusals.days, kept.messages.days) == (730, 30, 365)
    assert parse(render(settings)) == settings


def test_a_token_is_written_before_the_first_table(tmp_path):
    path = tmp_path / "authority.toml"
    path.write_text(f'# A remark\n{text()}pkcs11_token = ""\n\n[approvals]\nstaff = 2\n')
    token = TokenLocation(Path("/m.so"), "ca", Path("/pin"))
    for _ in range(2):
        write_token(path, token)
        assert parse(path.read_text()).token == token
    assert path.read_text().startswith("# A remark\n")
    assert parse(text()).token is None


def test_all_faults_are_found_at_once():
    wrong = text(environment="LIVE", base_url="https://pki.example", journal="journal") + "keep_people_days = 1\n"
    with pytest.raises(SettingsError) as raised:
        parse(wrong)
    words = ("environment must be one of", "base_url must be plain http", "journal must be", "keep_people_days must be")
    assert [any(word in fault for fault in raised.value.faults) for word in words] == [True] * 4
    assert str(raised.value) == raised.value.faults[0]


def test_an_optional_part_with_wrong_settings_is_left_out(tmp_path):
    path = tmp_path / "authority.toml"
    path.write_text(f"{text(documentation_url='docs')}witnesses = 1\n")
    found = read(path)
    assert (found.documentation_url, found.witnesses) == ("", ())
    assert [one.part for one in found.left_out] == ["documentation_url", "witnesses"]
    assert parse(render(found)).left_out == ()
