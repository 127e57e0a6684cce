"""`sinetti adopt`, and `enrol` with a sinetti.toml: options, files and messages."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from sinetti.client.config import loader
from sinetti.client.store import settings
from sinetti.infra import environment, file_permissions
from sinetti.pki import encoding
from tests.client.double import PASSWORD, TRANSFER_ID, anchors
from tests.support import authority, golden

KEY = authority.holder_key(71)


@pytest.fixture
def place(shell, monkeypatch):
    """Return a folder with a sinetti.toml, a key and its certificate."""
    monkeypatch.chdir(shell.folder)
    monkeypatch.setattr(file_permissions, "is_root", lambda: False)
    monkeypatch.delenv(environment.CONFIG, raising=False)
    monkeypatch.setattr(loader, "MACHINE_WIDE", shell.folder / "nowhere.toml")
    certificate = authority.holder_certificate(KEY)
    (shell.folder / "old.key").write_bytes(encoding.dump_private_key(KEY, None))
    (shell.folder / "old.pem").write_bytes(encoding.certificate_pem(encoding.certificate_der(certificate)))
    secret = pkcs12.serialize_key_and_certificates(b"a", KEY, certificate, None, BestAvailableEncryption(b"of it"))
    (shell.folder / "old.p12").write_bytes(secret)
    (shell.folder / "old.password").write_bytes(b"of it\r\nanother line\n")
    (shell.folder / "old.password").chmod(0o600)
    write(shell)
    return shell


def write(shell, more="", **changes):
    given = {
        "address": shell.double.url,
        "environment": "TEST",
        "trust_services": "services.pem",
        "trust_holders": "holders.pem",
    } | changes
    lines = ["[services.register]", *(f'{key} = "{value}"' for key, value in given.items())]
    (shell.folder / "sinetti.toml").write_text("\n".join([*lines, more, ""]))


FILES = ("--key", "old.key", "--certificate", "old.pem")
PAYROLL = """
[certificates.payroll]
customer_id = "0123456-7"
customer_name = "Sinisiipi Oy"
key = "ec-p384"
"""


def test_adopt_by_the_file_alone(place):
    code, out, err = place.run("adopt", "payroll", *FILES, "--json")
    (row,) = json.loads(out)
    assert (code, row["result"], row["state"]) == (0, "enrolled", "valid"), err
    assert row["service"] == place.double.url
    code, out, _ = place.run("adopt", "payroll", *FILES, "--json")
    assert (code, json.loads(out)[0]["result"]) == (0, "not-due")
    golden.check("sentences/client-adopt/by-the-file-alone", place.said())


def test_adopt_a_pkcs12_file(place):
    code, _, err = place.run("adopt", "payroll", "--pkcs12", "old.p12", "--password-file", "old.password")
    assert code == 0, err
    assert (place.store / "payroll" / "live" / "key.pem").read_bytes() == (place.folder / "old.key").read_bytes()
    assert "key_password_file" in err, "the owner of an encrypted key may not expect that"


def test_adopt_what_is_to_be_kept_encrypted(place):
    password = place.folder / "kept"
    password.write_text("kept secret")
    password.chmod(0o600)
    toml = place.folder / "sinetti.toml"
    toml.write_text(f'{toml.read_text()}\n[defaults]\nkey_password_file = "{password}"\n')
    code, _, err = place.run("adopt", "payroll", "--pkcs12", "old.p12", "--password-file", "old.password")
    assert code == 0, err
    assert b"ENCRYPTED" in (place.store / "payroll" / "live" / "key.pem").read_bytes()
    assert "key_password_file" not in err


def test_adopt_with_options_alone(place):
    (place.folder / "sinetti.toml").write_text("this is none")
    words = ("--store", place.store, "--service", place.double.url, "--environment", "TEST")
    words += ("--trust-services", "services.pem", "--trust-holders", "holders.pem")
    code, _, err = place.run("adopt", "payroll", *FILES, *words)
    assert code == 0, err


WRONG = {
    "nothing": (),
    "a key alone": ("--key", "old.key"),
    "a certificate alone": ("--certificate", "old.pem"),
    "two": (*FILES, "--pkcs12", "old.p12"),
    "a key store without a password": ("--jks", "old.p12"),
    "an empty password": ("--pkcs12", "old.p12", "--password-file", "empty"),
    "no such service": (*FILES, "--service", "other"),
    "a foreign service": (*FILES, "--service", "register", "--trust-holders", "services.pem"),
    "an address that no table has": (*FILES, "--service", "https://other.example/"),
    "an expired one": (*FILES, "--now", "2028-03-01T12:00:01Z"),
}


def test_adopt_refuses(place):
    (place.folder / "empty").write_text("\n")
    (place.folder / "empty").chmod(0o600)
    for name, given in WRONG.items():
        assert place.run("adopt", "payroll", *given)[0] == 2, name
    # Another clock is not for PRODUCTION. The CAs of the preset belong to TEST, and this check comes first.
    write(place, environment="PRODUCTION")
    assert place.run("adopt", "payroll", *FILES, "--now", "2027-03-01T12:00:01Z")[0] == 2
    assert not place.store.exists()
    write(place)
    (place.folder / "other").write_text("a file")
    assert place.run("adopt", "payroll", *FILES, "--store", "other")[0] == 5
    golden.check("sentences/client-adopt/refused", place.said())


# --- The store and the file


def test_the_store_of_the_file_is_everybodys(place):
    place.run("adopt", "payroll", *FILES)
    for command in (("status",), ("renew", "--all"), ("retrieve", "--all")):
        code, out, err = place.run(*command, "--json")
        assert (code, [row["name"] for row in json.loads(out)]) == (0, ["payroll"]), err


def test_an_option_wins_over_the_file(place):
    place.run("adopt", "payroll", *FILES)
    code, out, err = place.run("status", "--store", "other")
    assert (code, out, "--store" in err) == (2, "", True)


def test_a_file_that_is_named_counts_wherever_it_lies(place, monkeypatch):
    place.run("adopt", "payroll", *FILES)
    (place.folder / "below").mkdir()
    monkeypatch.chdir(place.folder / "below")
    assert place.run("status", "--json")[0] == 2
    assert json.loads(place.run("status", "--json", "--config", "../sinetti.toml")[1])
    monkeypatch.setenv(environment.CONFIG, "../sinetti.toml")
    assert json.loads(place.run("status", "--json")[1])


def test_where_nothing_says_where_the_store_is_both_ways_are_told(place):
    (place.folder / "sinetti.toml").unlink()
    code, _, err = place.run("status")
    assert (code, "--store" in err, "--config" in err) == (2, True, True)


def test_a_store_that_is_named_needs_no_file(place):
    (place.folder / "sinetti.toml").write_text("this is none")
    assert place.run("status", "--store", place.folder)[0] == 0
    code, _, err = place.run("status")
    assert code == 2
    assert "sinetti.toml, line 1: " in err


def test_the_language_of_the_file_is_that_of_messages_unless_one_is_asked_for(place):
    text = (place.folder / "sinetti.toml").read_text()
    (place.folder / "sinetti.toml").write_text(f'language = "fi"\n{text}')
    english = place.run("status", "--lang", "en")[2]
    assert place.run("status")[2] != english
    (place.folder / "store").mkdir()
    assert place.run("status")[1] != place.run("status", "--lang", "en")[1]


# --- Enrol with a file


IDS = ("--transfer-id", TRANSFER_ID, "--transfer-password-file", "password")


def test_enrol_with_everything_else_from_the_file(place):
    write(place, PAYROLL)
    code, out, err = place.run("enrol", "payroll", *IDS, "--json")
    assert (code, json.loads(out)[0]["result"]) == (0, "enrolled"), err
    kept = settings.load(place.store / "payroll")
    assert (kept.customer_id, kept.customer_name, kept.key) == ("0123456-7", "Sinisiipi Oy", "ec-p384")
    assert (kept.service, kept.trust_holders) == (place.double.url, anchors("holders"))


def test_enrol_keeps_files_as_the_file_wants_them(place):
    write(place, f'{PAYROLL}formats = ["der"]\n')
    assert place.run("enrol", "payroll", *IDS)[0] == 0
    assert (place.store / "payroll" / "live" / "certificate.der").is_file()


def test_options_of_enrol_win_over_the_file(place):
    write(place, PAYROLL.replace("0123456-7", "7654321-0"), address="http://127.0.0.1:9/")
    write_to = ("--store", "other", "--service", "register", "--customer-id", authority.CUSTOMER_ID, "--key", "ec-p256")
    address = ("--config", "sinetti.toml", "--customer-name", "Another")
    code, _, err = place.run("enrol", "payroll", *IDS, *write_to, *address)
    assert code == 4, err  # no process listens there
    kept = settings.load(place.folder / "other" / "payroll")
    assert (kept.customer_id, kept.customer_name, kept.key) == (authority.CUSTOMER_ID, "Another", "ec-p256")
    assert not (place.folder / "store").exists()


def test_an_address_finds_its_table(place):
    write(place, PAYROLL)
    assert place.run("enrol", "payroll", *IDS, "--service", place.double.url)[0] == 0


def test_enrol_with_all_options_reads_no_file(place):
    (place.folder / "sinetti.toml").write_text("this is none")
    assert place.enrol()[0] == 0


def test_enrol_says_what_is_missing(place):
    words = ("--trust-holders", "password", "--customer-id", "0123456-7")
    assert place.run("enrol", "payroll", *IDS, *words)[0] == 2, "a bundle that is none"
    assert place.run("enrol", "payroll", *IDS)[0] == 2, "no customer"
    (place.folder / "sinetti.toml").write_text(PAYROLL)
    assert place.run("enrol", "payroll", *IDS)[0] == 2, "no service"
    (place.folder / "sinetti.toml").unlink()
    address = ("--service", "https://a.example/", "--trust-services", "services.pem")
    for given in ((), ("--service", "register"), address):
        assert place.run("enrol", "payroll", *IDS, "--store", "x", *given)[0] == 2
    golden.check("sentences/client-adopt/enrol-says-what-is-missing", place.said())


def test_the_password_stays_out_of_what_is_kept(place):
    write(place, PAYROLL)
    place.run("enrol", "payroll", *IDS)
    kept = [path.read_bytes() for path in place.store.rglob("*") if path.is_file()]
    assert kept
    assert not [octets for octets in kept if PASSWORD.encode() in octets]
