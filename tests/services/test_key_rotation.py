"""Rotation of secret keys: what an old key made is read, and what needs it is counted.

The database of the first scene keeps its rows; the others differ by their keys alone.
"""

from datetime import timedelta

import pytest
from django.apps import apps

from sinetti.database import models
from sinetti.database.access.accounts import NewAccount
from sinetti.domain.approvals.acts import ApprovalPolicy
from sinetti.domain.link_tokens import OPEN_LINK, STOP_LINK, bounce_token, link_token, pin_code
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.notifications.opt_out import OptOutPage
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Language
from sinetti.notifications.delivery.bounces import parse
from sinetti.services.access.accounts import (
    AccountEmail,
    AccountNotification,
    digest_of_person,
    make_account,
    notify_account,
)
from sinetti.services.access.invitations import create_link
from sinetti.services.access.signatory_namings import link_path, new_naming
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import mac_made_by
from sinetti.services.issuance.secure_message import PinSent, RevealedIds, reveal_with_code, reveal_with_pin, send_pin
from sinetti.services.monitoring.secret_usage import (
    DJANGO_LIFE,
    SecretError,
    check_removal,
    check_rotation,
    list_secret_usage,
    reseal_second_factors,
)
from sinetti.services.organisations.email_opt_out import opt_out_page
from sinetti.services.token_encryption import (
    LINK,
    SECOND_FACTOR,
    SESSION,
    InvalidToken,
    link_unsealer,
    seal,
    sealed_by,
    unseal,
)
from tests.support import golden
from tests.support.authority import NOW
from tests.support.firms import a_certificate, a_message, a_person, a_signatory, an_organisation
from tests.support.scene import DAY, REQUEST, accepted, new_ask, new_key, ordered, refused
from tests.support.secret_rings import rotated, without
from tests.support.secure import offered, opened

WHO = ("operator", REQUEST)
SECRET = "JBSWY3DPEHPK3PXP"


def renewed(scene, ring):
    """Return the scene with other keys."""
    return scene.but(keys=lambda: ring)


@pytest.fixture
def later(scene):
    """Return the scene after each purpose was rotated."""
    return renewed(scene, rotated(scene.ctx.keyring))


def rows_of(scene, purpose):
    """Return the number of rows that need each key of a purpose."""
    return {one.key.key_id: one.rows for one in list_secret_usage(scene.ctx) if one.purpose is purpose}


def test_passwords(scene, later):
    old, new = ordered(scene), ordered(later)
    assert rows_of(later, SecretPurpose.TRANSFER_PASSWORDS) == {"1": 1, "0": 1}
    macs = models.TransferIds.objects.using(scene.db.alias).values_list("password_mac", flat=True)
    assert sorted((len(bytes(mac)), mac_made_by(bytes(mac))) for mac in macs) == [(32, "0"), (33, "1")]
    assert refused(enrol(new_ask(new, new_key()), scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG
    for ids in (old, new):
        accepted(enrol(new_ask(ids, new_key()), later.ctx, REQUEST))
    assert rows_of(later, SecretPurpose.TRANSFER_PASSWORDS) == {"1": 1, "0": 1}, "the same request may come again"
    scene.clock.forward(15 * DAY)
    assert rows_of(later, SecretPurpose.TRANSFER_PASSWORDS) == {"1": 0, "0": 0}


def test_links_and_pins(scene, later):
    old, new = offered(scene), offered(later)
    assert new.offered.secure_id.startswith("k001")
    keys = later.ctx.keyring
    token = link_token(keys.current(SecretPurpose.LINKS).octets, OPEN_LINK, new.offered.secure_id)
    assert rows_of(later, SecretPurpose.LINKS) == {"1": 1, "0": 1}
    assert isinstance(opened(scene, old), RevealedIds)
    assert isinstance(send_pin(token, 0, later.ctx, REQUEST), PinSent)
    (pin,) = models.Pin.objects.using(scene.db.alias).filter(message=new.offered.secure_id)
    assert rows_of(later, SecretPurpose.PINS) == {"1": 1, "0": 0}
    right = pin_code(keys.current(SecretPurpose.PINS).octets, pin.pin_id)
    assert not isinstance(reveal_with_pin(token, f"{int(right) ^ 1:06}", later.ctx, REQUEST), RevealedIds)
    assert isinstance(reveal_with_pin(token, right, later.ctx, REQUEST), RevealedIds)
    assert rows_of(later, SecretPurpose.LINKS) == {"1": 0, "0": 0}


def test_a_signatory_s_code_of_before(scene, later):
    sent = offered(scene, phone="")
    assert isinstance(reveal_with_code(sent.token, sent.offered.code, later.ctx, REQUEST), RevealedIds)


def test_a_pin_that_was_sent_before(scene, later):
    sent = offered(scene)
    assert isinstance(send_pin(sent.token, 0, scene.ctx, REQUEST), PinSent)
    pin = models.Pin.objects.using(scene.db.alias).get()
    right = pin_code(scene.ctx.keyring.current(SecretPurpose.PINS).octets, pin.pin_id)
    assert isinstance(reveal_with_pin(sent.token, right, later.ctx, REQUEST), RevealedIds)


def test_invitations_and_namings_name_their_key(later):
    assert create_link(later.ctx, NOW).invitation_id.startswith("k001")
    waiting = later.but(approvals=ApprovalPolicy(signatory_wait=24)).ctx
    naming = new_naming(waiting)
    assert naming.naming_id.startswith("k001")
    assert link_path(naming.naming_id, waiting).startswith(f"/veto/{naming.naming_id}/")


def test_links_that_stop_messages_and_return_addresses(sqlite_scene):
    scene = sqlite_scene
    client, asker = an_organisation(scene, "client"), a_person(scene, "asker@client.example")
    a_signatory(scene, client, a_person(scene, "signatory@client.example"))
    a_certificate(scene, client, NOW + 300 * DAY, asker)
    message_id = a_message(scene, asker).pk
    later = renewed(scene, rotated(scene.ctx.keyring))
    for keys in (scene.ctx.keyring, later.ctx.keyring):
        key = keys.current(SecretPurpose.MAIL).octets
        page = opt_out_page(message_id, link_token(key, STOP_LINK, message_id), later.ctx)
        assert isinstance(page, OptOutPage)
        mail = f"To: bounces+{message_id}.{bounce_token(key, message_id)}@pki.example\n\n".encode()
        assert parse(mail, later.ctx.keyring).message_id == message_id
        known = parse(mail, without(later.ctx.keyring)).message_id
        assert (known is None) is (keys is scene.ctx.keyring)


def test_the_times_of_messages_decide_which_key_they_need(sqlite_scene):
    scene = sqlite_scene
    rows = models.OutboxMessage.objects.using(scene.db.alias)
    person = a_person(scene, "asker@client.example")
    sent = [NOW - DAY, NOW + timedelta(minutes=1), NOW + timedelta(hours=1)]
    for at in sent:
        rows.filter(pk=a_message(scene, person, kind=MessageKind.REMINDER).pk).update(sent=at)
    later = renewed(scene, rotated(scene.ctx.keyring, at=NOW))
    assert rows_of(later, SecretPurpose.MAIL) == {"1": 1, "0": 2}


def test_seals(scene, later):
    user = make_account(NewAccount("a@people.example", "A", Language.FI, totp=SECRET), scene.ctx, *WHO)
    make_account(NewAccount("b@people.example", "B", Language.FI, totp=SECRET), later.ctx, *WHO)
    factors = apps.get_model("mfa", "Authenticator").objects.using(scene.db.alias)
    codes = [seal(scene.ctx.keyring, SECOND_FACTOR, one) for one in ("one", "two")]
    seed = {"seed": seal(scene.ctx.keyring, SECOND_FACTOR, "seed"), "used_mask": 4}
    factors.create(user_id=user, type="recovery_codes", data=seed | {"migrated_codes": codes})
    factors.create(user_id=user, type="webauthn", data={"name": "a key"})
    assert rows_of(later, SecretPurpose.SECOND_FACTORS) == {"1": 1, "0": 2}
    with golden.refused("sentences/secrets-removal/sealed-factors", SecretError):
        check_removal(SecretPurpose.SECOND_FACTORS, "0", later.ctx)
    assert reseal_second_factors(later.ctx) == 2
    assert reseal_second_factors(later.ctx) == 0
    assert rows_of(later, SecretPurpose.SECOND_FACTORS) == {"1": 3, "0": 0}
    alone = without(later.ctx.keyring)
    data = dict(factors.exclude(type="webauthn").filter(user_id=user).values_list("type", "data"))
    assert unseal(alone, SECOND_FACTOR, data["totp"]["secret"]) == SECRET
    assert unseal(alone, SECOND_FACTOR, data["recovery_codes"]["seed"]) == "seed"
    assert [unseal(alone, SECOND_FACTOR, one) for one in data["recovery_codes"]["migrated_codes"]] == ["one", "two"]
    assert data["recovery_codes"]["used_mask"] == 4
    check_removal(SecretPurpose.SECOND_FACTORS, "0", later.ctx)


def test_a_factor_that_its_owner_changes_meanwhile_stays_as_the_owner_made_it(sqlite_scene, monkeypatch):
    scene = sqlite_scene
    user = make_account(NewAccount("a@people.example", "A", Language.FI), scene.ctx, *WHO)
    factors = apps.get_model("mfa", "Authenticator").objects.using(scene.db.alias)
    seed = seal(scene.ctx.keyring, SECOND_FACTOR, "seed")
    factors.create(user_id=user, type="recovery_codes", data={"seed": seed, "used_mask": 0})
    later = renewed(scene, rotated(scene.ctx.keyring))
    sealing = []

    def using_a_code(*words):
        if not sealing:
            factors.update(data={"seed": seed, "used_mask": 1})
        sealing.append(words)
        return seal(*words)

    monkeypatch.setattr("sinetti.services.monitoring.secret_usage.seal", using_a_code)
    assert reseal_second_factors(later.ctx) == 1
    kept = factors.get().data
    assert (kept["used_mask"], sealed_by(kept["seed"]), len(sealing)) == (1, "1", 2)


def test_a_link_in_a_letter_that_waits(scene, later):
    letter = AccountNotification(AccountEmail.WELCOME, "a@people.example", Language.FI, "/account/secret")
    for one in (scene, later):
        notify_account(letter, one.ctx)
    assert rows_of(later, SecretPurpose.LINKS) == {"1": 1, "0": 1}
    ways = [row.facts["way"] for row in models.OutboxMessage.objects.using(scene.db.alias).all()]
    assert {link_unsealer(later.ctx.keys)(way) for way in ways} == {"/account/secret"}


def test_sessions(sqlite_scene):
    scene = sqlite_scene
    later = renewed(scene, rotated(scene.ctx.keyring))
    sessions = apps.get_model("sessions", "Session").objects.using(scene.db.alias)
    for number, (ring, ends) in enumerate(
        [(scene.ctx.keyring, DAY), (later.ctx.keyring, DAY), (scene.ctx.keyring, -DAY)]
    ):
        data = seal(ring, SESSION, "{}")
        sessions.create(session_key=f"{number}", session_data=data, expire_date=scene.machine() + ends)
        assert unseal(later.ctx.keyring, SESSION, data) == "{}"
    assert rows_of(later, SecretPurpose.SESSIONS) == {"1": 1, "0": 1}
    with golden.refused("sentences/secrets-removal/sessions", SecretError):
        check_removal(SecretPurpose.SESSIONS, "0", later.ctx)


@pytest.mark.parametrize("sealed", ["7.AAAA", ".AAAA", "0.", "x.y.z", "1."])
def test_seals_of_unknown_keys(sqlite_scene, sealed):
    with pytest.raises(InvalidToken):
        unseal(rotated(sqlite_scene.ctx.keyring), LINK, sealed)


def test_a_mac_of_a_removed_key_fits_no_password(sqlite_scene):
    ids = ordered(sqlite_scene)
    alone = renewed(sqlite_scene, without(rotated(sqlite_scene.ctx.keyring)))
    assert refused(enrol(new_ask(ids, new_key()), alone.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG


def test_what_cannot_be_rotated_or_removed(sqlite_scene):
    ctx = sqlite_scene.ctx
    check_rotation(SecretPurpose.LINKS)
    later = renewed(sqlite_scene, rotated(ctx.keyring, at=sqlite_scene.machine()))
    attempts = {
        "a new key for digests": lambda: check_rotation(SecretPurpose.PERSONS),
        "an unknown key": lambda: check_removal(SecretPurpose.LINKS, "5", ctx),
        "the key in use": lambda: check_removal(SecretPurpose.LINKS, "0", ctx),
        "a key of audit rows": lambda: check_removal(SecretPurpose.SEARCHES, "0", later.ctx),
        "a key of links in messages": lambda: check_removal(SecretPurpose.DJANGO, "0", later.ctx),
    }
    until = sqlite_scene.machine() + DJANGO_LIFE
    said = golden.refusals(attempts, SecretError, DAY=f"{until:%Y-%m-%d}")
    golden.check("sentences/secrets-removal/keys", {"en.txt": golden.stable_text(said)})
    sqlite_scene.machine.forward(DJANGO_LIFE)
    check_removal(SecretPurpose.DJANGO, "0", later.ctx)


def test_digests_of_persons_need_their_key(sqlite_scene):
    digest = digest_of_person("131052-308T", sqlite_scene.ctx)
    other = renewed(sqlite_scene, rotated(sqlite_scene.ctx.keyring, SecretPurpose.LINKS))
    assert digest_of_person("131052-308t", other.ctx) == digest
    assert rows_of(sqlite_scene, SecretPurpose.PERSONS) == {"0": 0}
