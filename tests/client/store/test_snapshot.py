"""Snapshot of a store: it agrees with the thorough check.

It leaves uncertain cases to the thorough check.
"""

import dataclasses

import pytest

from sinetti.client.messages import messages
from sinetti.client.store import files, generations, journal, settings, snapshot
from sinetti.client.store.agent_state import AgentState
from sinetti.domain.values import KeyType
from sinetti.pki import chain, encoding
from tests.client import double
from tests.client.conftest import NAME
from tests.client.test_renew import DAMAGE, OPENS
from tests.support import authority

QUICK = [
    "a key that is not the certificate's",
    "half a key",
    "no certificate",
    "an empty certificate",
    "an empty chain",
]


def seen(holder):
    (one,) = snapshot.list_snapshots(holder.store)
    return one


@pytest.mark.parametrize("kind", list(KeyType))
def test_a_set_in_use_is_seen_without_the_thorough_look(kind, holder, monkeypatch):
    holder.enrol(key=kind)
    monkeypatch.setattr(generations, "current", None)
    one = seen(holder)
    assert (one.name, one.customer_id, one.customer_name) == (NAME, authority.CUSTOMER_ID, authority.CUSTOMER_NAME)
    assert (one.service, one.environment) == (holder.settings.service, holder.settings.environment)
    assert one.serial == holder.live.resolve().name
    assert (one.not_before, one.not_after) == (authority.NOW, authority.NOW + authority.VALIDITY)
    assert (one.trouble, one.open, one.deployment) == (None, (), None)
    assert one.memory == AgentState(one.serial)


@pytest.mark.parametrize("damage", [*DAMAGE, None])
def test_it_tells_what_the_thorough_look_tells(damage, holder):
    holder.enrol()
    if damage is not None:
        DAMAGE[damage](holder.live)
    try:
        settings.load(holder.folder)
        held, damage_message = generations.current(holder.folder), None
        generations.notes(holder.folder)
    except files.StoreError as bad:
        held, damage_message = None, bad.message
    one = seen(holder)
    assert (one.trouble and one.trouble.values) == (damage_message and damage_message.values)
    assert (damage_message and damage_message.text) == (one.trouble and messages.STORE_DAMAGED)
    assert one.serial == (held.serial if held and damage_message is None else None)


def recoded(octets):
    return b"".join(octets.splitlines(keepends=True)[:-1]) + b"-----END PRIVATE KEY-----\r\n"


HIDDEN = {
    "encrypted": (
        "key.pem",
        lambda: encoding.dump_private_key(authority.holder_key(1), b"long enough"),
        messages.NO_KEY_PASSWORD,
    ),
    "encrypted and cut short": (
        "key.pem",
        lambda: encoding.dump_private_key(authority.holder_key(1), b"long enough")[:90],
        messages.NO_KEY_PASSWORD,
    ),
    "another one in a token": (
        "key.uri",
        lambda: b"pkcs11:token=sinetti;id=%01?module-path=/x.so&x-sinetti-key-id=" + b"0" * 64,
        messages.DAMAGED_FILE,
    ),
    "in nothing that is known": ("key.uri", lambda: b"elsewhere", messages.DAMAGED_FILE),
}


@pytest.mark.parametrize(("name", "octets", "trouble"), HIDDEN.values(), ids=HIDDEN)
def test_a_key_that_cannot_be_opened_or_is_anothers_is_told(name, octets, trouble, holder):
    holder.enrol()
    (holder.live / "key.pem").unlink()
    (holder.live / name).write_bytes(octets())
    assert seen(holder).trouble.text == trouble


ODD = {
    "text before the certificate": ("certificate.pem", lambda octets: b"Subject: x\n" + octets),
    "another line end": ("key.pem", recoded),
}


@pytest.mark.parametrize(("name", "change"), ODD.values(), ids=ODD)
def test_what_is_written_in_another_way_is_looked_at_thoroughly(name, change, holder):
    holder.enrol()
    path = holder.live / name
    path.write_bytes(change(path.read_bytes()))
    one = seen(holder)
    assert (one.trouble, one.serial) == (None, holder.live.resolve().name)


def test_a_copy_in_the_place_of_the_link_is_seen(holder):
    holder.enrol()
    serial = holder.live.resolve().name
    holder.live.unlink()
    holder.live.mkdir()
    for path in (holder.folder / "generations" / serial).iterdir():
        (holder.live / path.name).write_bytes(path.read_bytes())
    assert seen(holder).serial == serial


def meaning(live):
    """Return what the three files say, in any form."""
    certificates = [chain.load_bundle((live / f"{name}.pem").read_bytes()) for name in ("certificate", "chain")]
    key = encoding.load_private_key((live / "key.pem").read_bytes())
    return [list(map(encoding.certificate_der, one)) for one in certificates], key.private_numbers()


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning", "ignore::UserWarning")
def test_one_octet_changed_anywhere_is_told_or_has_no_meaning(holder):
    holder.enrol()
    whole = meaning(holder.live)
    for name in ("key", "certificate", "chain"):
        path = holder.live / f"{name}.pem"
        octets = path.read_bytes()
        for place in range(0, len(octets), 7):
            path.write_bytes(octets[:place] + bytes([octets[place] ^ 4]) + octets[place + 1 :])
            assert seen(holder).trouble is not None or meaning(holder.live) == whole, (name, place)
        path.write_bytes(octets)


def test_an_empty_chain_is_named_by_its_file(holder):
    holder.enrol()
    (holder.live / "chain.pem").write_bytes(b"")
    assert seen(holder).trouble.values["path"].endswith("live/chain.pem")


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P256, KeyType.EC_P384])
def test_the_key_of_another_is_told(kind, holder):
    holder.enrol(key=kind)
    (holder.live / "key.pem").write_bytes(encoding.dump_private_key(authority.holder_key(9, kind), None))
    assert seen(holder).trouble.text == messages.DAMAGED_FILE


def test_what_is_under_way_is_seen_with_its_key(holder):
    holder.enrol()
    holder.double.script.append(double.lose)
    holder.at(OPENS).renew()
    (held,) = seen(holder).open
    assert (held.folder.name, held.state) == ("renew", journal.RequestState.UNCERTAIN)
    octets = (held.folder / "key.pem").read_bytes()
    (held.folder / "key.pem").write_bytes((holder.live / "key.pem").read_bytes())
    assert seen(holder).trouble.text == messages.DAMAGED_FILE
    (held.folder / "key.pem").write_bytes(octets)
    assert seen(holder).trouble is None
    (held.folder / "message.xml").write_text("x")
    assert seen(holder).trouble.text == messages.DAMAGED_FILE


def test_a_folder_that_is_no_name_is_passed_over(holder):
    holder.enrol()
    for name in ("ssh", ".hidden", "with blank"):
        (holder.store / name).mkdir()
    (holder.store / "file").write_text("x")
    (holder.store / "ssh" / "config").write_text("theirs")
    assert seen(holder).name == NAME


def test_a_store_without_right_to_a_name(holder, monkeypatch):
    holder.enrol()
    listdir = snapshot.os.listdir

    def refuse(path):
        if str(path) == str(holder.folder):
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(snapshot.os, "listdir", refuse)
    assert seen(holder).trouble.text == messages.STORE_UNUSABLE
    assert snapshot.load_snapshot(holder.folder).trouble.text == messages.STORE_UNUSABLE


HEADS = {
    "as it is written": (lambda text: text, None),
    "an escape": (lambda text: text.replace('"Sinisiipi Oy"', '"Sini\\u0073iipi Oy"'), None),
    "a key twice": (lambda text: text.replace("key = ", 'key = "rsa-2048"\nkey = ', 1), ValueError),
    "a table": (lambda text: text.replace("key = ", "[x]\nkey = ", 1), ValueError),
    "a bundle said before": (lambda text: "trust_holders = 'x'\n" + text, ValueError),
    "Windows line ends": (lambda text: text.replace("\n", "\r\n"), None),
    "a value that is no text": (lambda text: text.replace('"0123456-7"', "7"), ValueError),
    "a comment of one's own": (lambda text: "# ours\n" + text, None),
}


@pytest.mark.parametrize(("change", "error"), HEADS.values(), ids=HEADS)
def test_settings_read_fast_are_those_of_the_whole_parser(change, error, holder):
    text = change(settings.dump(holder.settings))
    if error is not None:
        with pytest.raises(error):
            settings.parse(text)
        return
    found = settings.parse(text)
    for field in dataclasses.fields(found):
        mine, theirs = getattr(found, field.name), getattr(holder.settings, field.name)
        assert mine == theirs or mine.strip() == theirs.strip(), field.name
