"""A thief has a copy of the database and of DIR, without the pass-phrase that was elsewhere, or without the token.

The thief tries every octet string of the copy as a key of each kind, and as a pass-phrase. The same thief with the
pass-phrase opens everything, so the attempts are the right ones.
"""

import base64
import binascii
import json
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from django.apps import apps
from django.core import signing

from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.secret_files import SecretsClosed, open_secrets, read_secrets
from sinetti.authority.secret_wrappings import SecretAccess, WrappingToken, unseal
from sinetti.cli.authority.common import opened_authority
from sinetti.database import models
from sinetti.database.access.accounts import NewAccount
from sinetti.domain.link_tokens import OPEN_LINK, STOP_LINK, bounce_token, link_token, pin_code, token_hash
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Language
from sinetti.pki.encoding import passphrase_matches
from sinetti.services.access.accounts import AccountEmail, AccountNotification, make_account, notify_account
from sinetti.services.issuance import order
from sinetti.services.issuance.secure_message import send_link, send_pin
from sinetti.services.token_encryption import (
    LINK,
    SECOND_FACTOR,
    SESSION,
    InvalidToken,
    decrypt_token,
    django_key,
    seal,
    sealing_key,
)
from tests.cli.authority.conftest import at_work
from tests.cli.authority.test_tokens import with_token
from tests.support import soft_token
from tests.support.scene import REQUEST
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

SECRET, WAY, COOKIE = "JBSWY3DPEHPK3PXP", "/account/password/secret", '{"user": 1}'
EVERYTHING = {"second factor", "session", "letter", "link", "PIN", "password", "stop", "return", "reset"}
_LARGEST = 1024 * 1024


@dataclass
class Loot:
    """Rows of the stolen database, and what only the service and its users know."""

    seals: dict[str, tuple[str, str]] = field(default_factory=dict)
    link: tuple[str, str] = ("", "")
    pins: dict[str, str] = field(default_factory=dict)
    """Codes by id: a code of six digits alone is found by chance among a hundred thousand keys."""

    password: tuple[str, str, bytes] = ("", "", b"")
    message: tuple[str, str, str] = ("", "", "")
    reset: str = ""

    def opened_by(self, key):
        """Return what one key opens."""
        found = {name for name, (purpose, sealed) in self.seals.items() if opens(key, purpose, sealed)}
        secure_id, hashed = self.link
        if token_hash(link_token(key, OPEN_LINK, secure_id)) == hashed:
            found.add("link")
        if all(pin_code(key, pin_id) == code for pin_id, code in self.pins.items()):
            found.add("PIN")
        transfer_id, password, mac = self.password
        if order.mac(key, transfer_id, password) == mac:
            found.add("password")
        message_id, stop, bounce = self.message
        found |= {"stop"} if link_token(key, STOP_LINK, message_id) == stop else set()
        found |= {"return"} if bounce_token(key, message_id) == bounce else set()
        with suppress(signing.BadSignature):
            signing.loads(self.reset, key=django_key(key))
            found.add("reset")
        return found


def opens(key, purpose, sealed):
    """Return True if a key, as it is or derived, decrypts a seal."""
    for one in {key, sealing_key(purpose, key)}:
        with suppress(InvalidToken, ValueError):
            return bool(decrypt_token(one, purpose, sealed))
    return False


@pytest.fixture
def scene(request, tmp_path, monkeypatch, capsys):
    with at_work("sqlite", request, tmp_path, monkeypatch) as operator:
        phrase = tmp_path / "elsewhere" / "passphrase"
        phrase.parent.mkdir()
        operator.found("--passphrase-file", phrase)
        operator.add()
        ids = operator.order("--passphrase-file", phrase)
        with opened_authority(operator.root, phrase.read_bytes().strip()) as authority:
            loot = at_risk(authority.ctx, ids)
        copy = Path(shutil.copytree(operator.root, tmp_path / "copy"))
        yield copy, loot, phrase


@pytest.fixture
def token_scene(request, tmp_path, monkeypatch, capsys, soft_tokens):
    """Yield a copy of an authority that has no pass-phrase, and its token, which was not copied."""
    with at_work("sqlite", request, tmp_path, monkeypatch) as operator:
        place = soft_tokens.add("ca")
        operator.found(*with_token(place))
        operator.add()
        ids = operator.order()
        with opened_authority(operator.root) as authority:
            loot = at_risk(authority.ctx, ids)
        yield Path(shutil.copytree(operator.root, tmp_path / "copy")), loot, place


def at_risk(ctx, ids):
    """Fill the database with what a thief wants."""
    loot, ring = Loot(), ctx.keyring
    make_account(NewAccount("a@people.example", "A", Language.FI, totp=SECRET), ctx, "operator", REQUEST)
    factor = apps.get_model("mfa", "Authenticator").objects.get().data["secret"]
    session = seal(ring, SESSION, COOKIE)
    apps.get_model("sessions", "Session").objects.create(
        session_key="1" * 40, session_data=session, expire_date=ctx.machine_now() + timedelta(hours=1)
    )
    message_id = notify_account(AccountNotification(AccountEmail.WELCOME, "a@people.example", Language.FI, WAY), ctx)
    letter = models.OutboxMessage.objects.get(pk=message_id).facts["way"]
    loot.seals = {"second factor": (SECOND_FACTOR, factor), "session": (SESSION, session), "letter": (LINK, letter)}
    row = models.TransferIds.objects.get()
    loot.password = (ids["transfer_id"], ids["transfer_password"], bytes(row.password_mac))
    models.Person.objects.update(phone="+358 00 001")
    secure_id = send_link(ids["order_id"], ctx, "operator", REQUEST).secure_id
    secure = models.SecureMessage.objects.get()
    loot.link = (secure_id, secure.token_sha256)
    links = ring.current(SecretPurpose.LINKS).octets
    send_pin(link_token(links, OPEN_LINK, secure_id), 0, ctx, REQUEST)
    pin_id = models.Pin.objects.get().pin_id
    loot.pins = {one: pin_code(ring.current(SecretPurpose.PINS).octets, one) for one in (pin_id, f"{pin_id}-2")}
    mail = ring.current(SecretPurpose.MAIL).octets
    loot.message = (message_id, link_token(mail, STOP_LINK, message_id), bounce_token(mail, message_id))
    loot.reset = signing.dumps({"user": 1}, key=django_key(ring.current(SecretPurpose.DJANGO).octets))
    return loot


def octet_strings(copy):
    """Return every octet string of the copy that may be a key or a pass-phrase."""
    found = {b"", bytes(32), b"sinetti"}
    for path in copy.rglob("*"):
        if not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        octets = path.read_bytes()
        found |= {octets, octets.strip(), *octets.splitlines(), path.name.encode()}
        for word in re.findall(rb"[A-Za-z0-9+/_=-]{8,}", octets):
            found.add(word)
            with suppress(binascii.Error, ValueError):
                found.add(base64.b64decode(word, validate=True))
            with suppress(binascii.Error, ValueError):
                found.add(bytes.fromhex(word.decode()))
        if path.parent.name == "secrets":
            found |= {octets[at : at + 32] for at in range(len(octets))}
    return found | {one[12:] for one in found if len(one) == 60} | {one[:32] for one in found if len(one) > 32}


def keys_of(copy):
    """Return all keys that the thief can try: the octets of the copy, and what a pass-phrase in it opens."""
    found = octet_strings(copy)
    folder = DataDirectory(copy)
    pem = next((path.read_bytes() for path in folder.keys.glob("Sinetti*.pem")), None)
    # The key files are under the same pass-phrase and are tried much faster.
    for phrase in found if pem is not None else ():
        if 0 < len(phrase) < 1000 and b"\0" not in phrase and passphrase_matches(pem, phrase):
            with suppress(SecretsClosed):
                found = found | octets_of(open_secrets(folder, SecretAccess(phrase)).ring)
    return found | wrapped_under(found, read_secrets(folder))


def octets_of(ring):
    return {key.octets for keys in ring.keys.values() for key in keys}


def wrapped_under(keys, file):
    """Return the secret keys that one of these keys opens, as wrapping key or as the key in the token."""
    found = set()
    for wrapping_id, wrapping in file.wrappings.items():
        candidates = {key for key in keys if len(key) == 32}
        for key in list(candidates):
            with suppress(InvalidTag):
                candidates.add(unseal(key, wrapping.sealed, f"sinetti-secret-wrapping\0{wrapping_id}".encode()))
        for key in candidates:
            with suppress(InvalidTag):
                found |= {unseal(key, one.wrapped[wrapping_id], one.bound) for one in file.keys}
    return found


def gains(copy, loot):
    return set().union(*(loot.opened_by(key) for key in keys_of(copy)))


def test_a_copy_without_the_pass_phrase_opens_nothing(scene):
    copy, loot, _phrase = scene
    assert gains(copy, loot) == set()


def test_the_same_thief_with_the_pass_phrase_opens_everything(scene):
    copy, loot, phrase = scene
    shutil.copy(phrase, copy / "notes.txt")
    assert gains(copy, loot) == EVERYTHING


@soft_token.NEEDED
@pytest.mark.long
def test_a_copy_without_the_token_opens_nothing(token_scene):
    copy, loot, place = token_scene
    assert read_secrets(DataDirectory(copy)).kinds() == ("token",)
    shutil.copy(place.pin_file, copy / "pin")
    assert gains(copy, loot) == set()


@soft_token.NEEDED
@pytest.mark.long
def test_the_same_thief_with_the_wrapping_key_opens_everything(token_scene):
    copy, loot, place = token_scene
    folder = DataDirectory(copy)
    opened = open_secrets(folder, SecretAccess(None, WrappingToken(folder.keys, place)))
    (copy / "notes.txt").write_text(opened.wrapping_key.hex())
    assert gains(copy, loot) == EVERYTHING


def test_the_same_thief_with_a_key_in_clear_opens_what_it_made(scene):
    copy, loot, phrase = scene
    ring = open_secrets(DataDirectory(copy), SecretAccess(phrase.read_bytes().strip())).ring
    (copy / "secrets" / "transfer.key").write_bytes(ring.current(SecretPurpose.LINKS).octets)
    assert gains(copy, loot) == {"link", "letter"}


def test_the_database_names_no_key(scene):
    copy, _loot, phrase = scene
    ring = open_secrets(DataDirectory(copy), SecretAccess(phrase.read_bytes().strip())).ring
    everything = b"".join(path.read_bytes() for path in copy.rglob("*") if path.is_file())
    for keys in ring.keys.values():
        assert not any(shown in everything for key in keys for shown in (key.octets, key.octets.hex().encode()))
    assert phrase.read_bytes().strip() not in everything
    assert json.loads((copy / "secrets" / "keys.json").read_bytes())["format"] == 1
