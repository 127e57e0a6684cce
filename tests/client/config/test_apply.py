"""Settings of a name and the tables of sinetti.toml.

The table takes precedence, except for the environment and the customer.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from sinetti.client.config.apply import sync_settings
from sinetti.client.model import AgentSettings, CertificateEntry, Config, Format, OutputOptions, ServiceEntry, Token
from sinetti.client.results import UsageError
from sinetti.client.store import event_log, files, settings
from sinetti.client.store.event_log import EventType
from sinetti.domain.values import Environment, KeyType
from tests.client import double as client_double
from tests.client.double import anchors
from tests.support import authority

NOW = authority.NOW


@pytest.fixture
def kept(tmp_path, double):
    """Return the folder and the settings of a name."""
    folder = tmp_path / "store" / "payroll"
    files.make_folder(folder)
    kept = settings.NameSettings(
        service=double.url,
        environment=Environment.TEST,
        customer_id="0123456-7",
        customer_name="Sinisiipi Oy",
        key=KeyType.EC_P256,
        trust_services=anchors("services"),
        trust_holders=anchors("holders"),
        tls_ca=None,
    )
    settings.store(folder, kept)
    return folder, kept


def config(kept, entry=None, **changes):
    """Return a sinetti.toml with the service of the settings, except for `changes`."""
    given = {
        "address": kept.service,
        "environment": kept.environment,
        "trust_services": kept.trust_services,
        "trust_holders": kept.trust_holders,
    }
    entry = entry or CertificateEntry("payroll", "register")
    services = {"register": ServiceEntry("register", **(given | changes))}
    return Config(
        Path("sinetti.toml"),
        Path("store"),
        None,
        services,
        AgentSettings(),
        CertificateEntry("", "register"),
        {entry.name: entry},
    )


CHANGES = {
    "another address": ({"address": "https://new.example/Services"}, {"service": "https://new.example/Services"}),
    "other anchors of signers": ({"trust_services": anchors("holders")}, {"trust_services": anchors("holders")}),
    "other anchors of holders": ({"trust_holders": anchors("services")}, {"trust_holders": anchors("services")}),
    "a CA for TLS": ({"tls_ca": anchors("services")}, {"tls_ca": anchors("services")}),
}


@pytest.mark.parametrize(("changes", "expected"), CHANGES.values(), ids=CHANGES)
def test_the_table_counts(changes, expected, kept):
    folder, before = kept
    whole = config(before, **changes)
    after = sync_settings(folder, whole.entry_of("payroll"), whole, NOW)
    assert after == replace(before, **expected) == settings.load(folder)
    (happened,) = event_log.read(folder)
    assert (happened.event, happened.facts) == (EventType.SETTINGS_CHANGED, {"changed": next(iter(expected))})


def test_what_agrees_is_left_alone(kept):
    folder, before = kept
    written = (folder / "settings.toml").stat()
    assert sync_settings(folder, CertificateEntry("payroll", "register"), config(before), NOW) == before
    now = (folder / "settings.toml").stat()
    assert (now.st_ino, now.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert not list(event_log.read(folder))


def test_a_name_without_a_service_keeps_its_settings(kept):
    folder, before = kept
    assert (
        sync_settings(folder, CertificateEntry("payroll", None), config(before, address="https://new.example/"), NOW)
        == before
    )


def test_name_and_key_count_where_the_file_says_them(kept):
    folder, before = kept
    entry = CertificateEntry(
        "payroll", "register", "0123456-7", "Sinisiipi Oyj", key=KeyType.RSA_3072, key_is_explicit=True
    )
    after = sync_settings(folder, entry, config(before, entry), NOW)
    assert after == replace(before, customer_name="Sinisiipi Oyj", key=KeyType.RSA_3072)


def test_how_files_look_counts_where_the_file_says_it(kept, tmp_path):
    folder, before = kept
    asked = OutputOptions(formats=frozenset({Format.PEM, Format.DER}))
    entry = CertificateEntry("payroll", "register", files=asked)
    assert sync_settings(folder, entry, config(before, entry), NOW).files == asked == settings.load(folder).files
    silent = CertificateEntry("payroll", "register")
    assert sync_settings(folder, silent, config(before, silent), NOW).files == asked


def passwords(tmp_path, kept, *, second):
    """Return a name whose key is encrypted by the password of one file.

    `second` is the password of another file, to which a test points.
    """
    folder, before = kept
    for name, password in (("first", "one"), ("second", second)):
        (tmp_path / name).write_text(f"{password}\n")
    before = replace(before, files=OutputOptions(key_password_file=tmp_path / "first"))
    settings.store(folder, before)
    return folder, before


def test_a_password_in_another_place_is_followed(kept, tmp_path):
    folder, before = passwords(tmp_path, kept, second="one")
    entry = CertificateEntry("payroll", "register", files=OutputOptions(key_password_file=tmp_path / "second"))
    assert sync_settings(folder, entry, config(before, entry), NOW).files == entry.files
    (tmp_path / "second").rename(tmp_path / "first")
    assert sync_settings(folder, CertificateEntry("payroll", "register"), config(before), NOW).files == entry.files


TOKEN = Token(Path("/module.so"), "a", Path("/pin"))


@pytest.mark.parametrize("token", [None, TOKEN], ids=["another password", "a token"])
def test_another_password_is_refused_while_a_key_needs_the_one_of_before(token, kept, tmp_path):
    folder, before = passwords(tmp_path, kept, second="two")
    other = None if token else tmp_path / "second"
    entry = CertificateEntry("payroll", "register", files=OutputOptions(key_password_file=other, token=token))
    with pytest.raises(UsageError) as caught:
        sync_settings(folder, entry, config(before, entry), NOW)
    assert caught.value.message.values["kept"] == str(tmp_path / "first")
    assert settings.load(folder) == before


def test_a_key_that_was_encrypted_does_not_come_to_lie_in_clear(kept, tmp_path):
    folder, before = passwords(tmp_path, kept, second="two")
    entry = CertificateEntry("payroll", "register", files=OutputOptions(formats=frozenset({Format.PEM, Format.DER})))
    assert sync_settings(folder, entry, config(before, entry), NOW).files == replace(
        entry.files, key_password_file=tmp_path / "first"
    )


REFUSED = {
    "another environment": (
        CertificateEntry("payroll", "register"),
        {"environment": Environment.PRODUCTION},
        "PRODUCTION",
    ),
    "another customer": (
        CertificateEntry("payroll", "register", "7654321-0"),
        {"address": "https://new.example/"},
        "7654321-0",
    ),
}


@pytest.mark.parametrize(("entry", "changes", "word"), REFUSED.values(), ids=REFUSED)
def test_another_world_or_customer_is_refused(entry, changes, word, kept):
    folder, before = kept
    with pytest.raises(UsageError) as caught:
        sync_settings(folder, entry, config(before, entry, **changes), NOW)
    assert word in caught.value.message.values.values()
    assert settings.load(folder) == before


def test_the_same_customer_in_other_letters_is_no_other(kept):
    folder, before = kept
    settings.store(folder, replace(before, customer_id="fi01234567"))
    entry = CertificateEntry("payroll", "register", "FI01234567")
    assert sync_settings(folder, entry, config(before, entry), NOW).customer_id == "fi01234567"


def test_nothing_is_written_while_another_run_is_at_work(kept):
    folder, before = kept
    whole = config(before, address="https://new.example/")
    with files.locked(folder), pytest.raises(files.StoreLocked):
        sync_settings(folder, CertificateEntry("payroll", "register"), whole, NOW)
    assert settings.load(folder) == before


def test_a_first_request_under_way_goes_to_the_new_address(holder):
    """The first address no longer has a listener; the key exists, so it stays."""
    holder.double.script.append(client_double.say(503))
    assert holder.enrol(key=KeyType.EC_P384).exit_code == 4
    moved = config(holder.settings, address=holder.double.url.replace("127.0.0.1", "localhost"))
    entry = CertificateEntry("payroll", "register", key=KeyType.RSA_4096, key_is_explicit=True)
    assert sync_settings(holder.folder, entry, moved, NOW).key is KeyType.RSA_4096
    begun = settings.load(holder.folder / "pending" / "enrol")
    assert (begun.service, begun.key) == (moved.services["register"].address, KeyType.EC_P384)
    assert sync_settings(holder.folder, entry, moved, NOW) == settings.load(holder.folder)


def test_files_that_a_table_asks_for_are_those_of_the_next_set(kept):
    folder, before = kept
    wanted = OutputOptions(formats=frozenset({Format.PEM, Format.DER}), mode=0o640)
    sync_settings(
        folder,
        CertificateEntry("payroll", None, files=wanted),
        config(before, CertificateEntry("payroll", None, files=wanted)),
        NOW,
    )
    assert settings.load(folder) == replace(before, files=wanted)


def test_a_table_that_says_nothing_of_files_leaves_them(kept):
    folder, before = kept
    encrypted = replace(before, files=OutputOptions(key_password_file=folder.parent / "password"))
    settings.store(folder, encrypted)
    sync_settings(folder, CertificateEntry("payroll", "register"), config(before), NOW)
    assert settings.load(folder) == encrypted
