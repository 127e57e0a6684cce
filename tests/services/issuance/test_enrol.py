"""SignNewCertificate: one certificate for transfer ids, refusals without cost."""

import re
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sinetti.database import models
from sinetti.database.issuance import transactions
from sinetti.database.issuance.rejections import count_rejections
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import EnrolRequest
from sinetti.domain.values import TRANSFER_IDS_LIVE, VALIDITY, Channel, KeyPolicy, KeyType, Language
from sinetti.pki.encoding import load_certificate
from sinetti.pki.key_policy import key_id
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import reissue_transfer_ids
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.organisations.registration import close, withdraw
from sinetti.wire.transparency.entries import parse_entry
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, NOW, holder_key
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    TRANSFER_KEY,
    Scene,
    accepted,
    add_organisation,
    an_order,
    ca_certificate,
    collected,
    csr,
    enrolled,
    get_ask,
    new_ask,
    new_key,
    odd_csr,
    ordered,
    refused,
)

OTHER_CUSTOMER = "7654321-0"


def send(scene: Scene, ask: EnrolRequest):
    return enrol(ask, scene.ctx, REQUEST)


def certificates(scene: Scene):
    return models.Certificate.objects.using(scene.db.alias)


def kept_refusals(scene: Scene):
    rows = models.RejectedRequest.objects.using(scene.db.alias).order_by("at")
    return list(rows.values_list("reason", "operation", "at", "request_id"))


def lock(scene: Scene, ids) -> None:
    for _ in range(10):
        assert (
            refused(send(scene, new_ask(replace(ids, transfer_password="wrong"), new_key())))
            is RejectionReason.TRANSFER_IDS_WRONG
        )


def test_the_certificate_that_was_ordered(scene):
    key, ids = new_key(), ordered(scene)
    certificate = load_certificate(collected(scene, accepted(send(scene, new_ask(ids, key)))))
    assert certificate.public_key() == key.public_key()
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (NOW, NOW + VALIDITY)
    certificate.verify_directly_issued_by(ca_certificate())
    names = {attribute.oid: attribute.value for attribute in certificate.subject}
    row = certificates(scene).select_related("lineage").get()
    assert names[NameOID.COMMON_NAME] == CUSTOMER_ID
    assert names[NameOID.ORGANIZATION_NAME] == CUSTOMER_NAME
    assert names[NameOID.SERIAL_NUMBER] == row.lineage.subject_serial
    assert (row.origin, row.order_id, row.predecessor_id) == ("order", ids.order_id, None)
    assert row.renewable_from == NOW + VALIDITY - 60 * DAY


def test_the_shapes_of_serial_and_retrieval_id(scene):
    held = enrolled(scene)
    assert re.fullmatch(r"[4-7][0-9a-f]{37}", held.serial)
    assert re.fullmatch(r"[0-9a-f]{32}", held.retrieval_id)


def test_an_office_shows_no_secret(sqlite_scene):
    assert repr(TRANSFER_KEY) not in repr(sqlite_scene.ctx)
    assert "Keyring" not in repr(sqlite_scene.ctx)


def test_the_channel_decides_which_ca_issues(scene):
    certificate = load_certificate(enrolled(scene, Channel.SFTP).der)
    certificate.verify_directly_issued_by(ca_certificate(Channel.SFTP))


def test_only_the_key_of_the_request_is_trusted(scene):
    key = new_key()
    certificate = load_certificate(collected(scene, accepted(send(scene, new_ask(ordered(scene), odd_csr(key))))))
    assert certificate.public_key() == key.public_key()
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == CUSTOMER_ID


def test_the_organisations_own_spelling_of_its_id_stands_in_the_certificate(sqlite_scene):
    add_organisation(sqlite_scene, "Abc-1")
    ids = ordered(sqlite_scene, an_order("ABC-1"))
    retrieval_id = accepted(send(sqlite_scene, new_ask(ids, new_key(), " abc-1")))
    subject = load_certificate(collected(sqlite_scene, retrieval_id, "aBC-1")).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Abc-1"


# The order of checks: with this flaw and every later one, this one's reason is the answer.
FLAWS = {
    "wrong password": RejectionReason.TRANSFER_IDS_WRONG,
    "locked": RejectionReason.TRANSFER_IDS_LOCKED,
    "another customer": RejectionReason.CUSTOMER_MISMATCH,
    "unreadable request": RejectionReason.CSR_UNREADABLE,
    "key of a curve that is not taken": RejectionReason.KEY_NOT_ACCEPTED,
    "lapsed": RejectionReason.TRANSFER_IDS_EXPIRED,
    "used": RejectionReason.TRANSFER_IDS_USED,
    "closed": RejectionReason.NOT_ENTITLED,
    "key known": RejectionReason.KEY_REUSED,
}


def flawed(scene: Scene, flaws: list[str]) -> tuple[EnrolRequest, object]:
    """Set up these flaws, and return the request and the key."""
    ids, key = ordered(scene), new_key()
    if "key of a curve that is not taken" in flaws:
        key = ec.generate_private_key(ec.SECP521R1())
    elif "key known" in flaws:
        key = enrolled(scene).key
    if "used" in flaws and "locked" not in flaws:  # used ids are never locked
        accepted(send(scene, new_ask(ids, new_key())))
    if "locked" in flaws:
        lock(scene, ids)
    if "lapsed" in flaws:
        scene.clock.forward(TRANSFER_IDS_LIVE + SECOND)
    if "closed" in flaws:
        assert close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)
    if "wrong password" in flaws:
        ids = replace(ids, transfer_password="wrong")
    customer_id = OTHER_CUSTOMER if "another customer" in flaws else CUSTOMER_ID
    request = b"nonsense" if "unreadable request" in flaws else csr(key)
    return new_ask(ids, request, customer_id), key


@pytest.mark.parametrize("alone", [False, True], ids=["and all later ones", "alone"])
@pytest.mark.parametrize("flaw", FLAWS)
def test_order_of_checks(scene, flaw, alone):
    place = list(FLAWS).index(flaw)
    flaws = [flaw] if alone else list(FLAWS)[place:]
    ask, key = flawed(scene, flaws)
    issued = certificates(scene).count()
    answer = send(scene, ask)
    assert refused(answer) is FLAWS[flaw]
    # The database keeps the reason once the password has proven the caller. Only then is the language known.
    proven = flaw != "wrong password"
    assert answer.language is (Language.SV if proven else None)
    assert kept_refusals(scene) == ([(FLAWS[flaw], "new", scene.clock.now, REQUEST)] if proven else [])
    # The refusal changed nothing else.
    assert certificates(scene).count() == issued
    if "key known" not in flaws:
        assert not transactions.known_keys(scene.db, [key_id(key.public_key())])


def test_the_same_key_again_is_answered_before_everything_that_follows(scene):
    key, ids = new_key(), ordered(scene)
    first = accepted(send(scene, new_ask(ids, key)))
    scene.clock.forward(TRANSFER_IDS_LIVE + SECOND)
    close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)
    assert accepted(send(scene, new_ask(ids, odd_csr(key)))) == first, "the key decides, not the request's octets"
    assert certificates(scene).count() == 1
    assert kept_refusals(scene) == []


def test_unknown_ids(scene):
    ids = replace(ordered(scene), transfer_id="9" * 32)
    assert send(scene, new_ask(ids, new_key())) == Rejection(RejectionReason.TRANSFER_IDS_WRONG)
    assert send(scene, new_ask(ids, new_key())) == Rejection(RejectionReason.TRANSFER_IDS_WRONG)
    counter = models.Counter.objects.using(scene.db.alias).get(name="wrong-passwords")
    assert counter.value == 2
    assert kept_refusals(scene) == []


def test_refusals_of_one_order_write_a_bounded_number_of_entries(scene):
    """Ten in a day have an entry each. One entry counts the others, and is written once."""
    ids, other = ordered(scene), ordered(scene)
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action="request-refused").order_by("sequence")

    def refuse(ids, count):
        for _ in range(count):
            assert refused(send(scene, new_ask(ids, b"nonsense"))) is RejectionReason.CSR_UNREADABLE

    count_rejections(scene.db, scene.audit_entry())
    refuse(ids, 25)
    refuse(other, 10)
    count_rejections(scene.db, scene.audit_entry())
    assert rows.count() == 20
    day = scene.clock.now.date().isoformat()
    scene.clock.forward(DAY)
    refuse(ids, 1)
    for _ in range(2):
        count_rejections(scene.db, scene.audit_entry())
    facts = [parse_entry(bytes(row.octets)).facts for row in rows[20:]]
    assert [one.get("reason") for one in facts] == ["csr-unreadable", None]
    assert facts[1] == {"count": 15, "day": day}


def test_another_key_is_refused_once_the_ids_are_spent(scene):
    ids = ordered(scene)
    first = accepted(send(scene, new_ask(ids, new_key())))
    assert refused(send(scene, new_ask(ids, new_key()))) is RejectionReason.TRANSFER_IDS_USED
    assert [row.retrieval_id for row in certificates(scene).all()] == [first]


def test_the_last_second_of_fourteen_days(scene):
    ids = ordered(scene)
    scene.clock.now = NOW + 14 * DAY + SECOND
    key = new_key()
    answer = send(scene, new_ask(ids, key))
    assert answer == Rejection(RejectionReason.TRANSFER_IDS_EXPIRED, ended=NOW + 14 * DAY, language=Language.SV)
    scene.clock.now = NOW + 14 * DAY
    accepted(send(scene, new_ask(ids, key)))


def test_nine_wrong_passwords_are_forgiven_and_the_tenth_locks_until_new_ids_are_made(scene):
    ids, key = ordered(scene), new_key()
    wrong = replace(ids, transfer_password="wrong")
    for _ in range(9):
        assert refused(send(scene, new_ask(wrong, key))) is RejectionReason.TRANSFER_IDS_WRONG
    assert refused(send(scene, new_ask(ids, b""))) is RejectionReason.CSR_UNREADABLE, "not locked yet"
    assert refused(send(scene, new_ask(wrong, key))) is RejectionReason.TRANSFER_IDS_WRONG
    assert refused(send(scene, new_ask(ids, key))) is RejectionReason.TRANSFER_IDS_LOCKED
    fresh = reissue_transfer_ids(ids.order_id, scene.ctx, "operator", REQUEST)
    assert refused(send(scene, new_ask(ids, key))) is RejectionReason.TRANSFER_IDS_WRONG, "the old ones ended"
    accepted(send(scene, new_ask(fresh, key)))


def test_new_ids_for_the_same_order_after_the_old_ones_lapsed(scene):
    ids, key = ordered(scene), new_key()
    scene.clock.forward(15 * DAY)
    assert refused(send(scene, new_ask(ids, key))) is RejectionReason.TRANSFER_IDS_EXPIRED
    fresh = reissue_transfer_ids(ids.order_id, scene.ctx, "operator", REQUEST)
    accepted(send(scene, new_ask(fresh, key)))
    assert certificates(scene).get().order_id == ids.order_id


def test_a_channel_that_was_withdrawn(scene):
    web, sftp = ordered(scene), ordered(scene, an_order(channel=Channel.SFTP))
    withdraw(CUSTOMER_ID, Channel.SFTP, scene.ctx, "operator", REQUEST)
    assert refused(send(scene, new_ask(sftp, new_key()))) is RejectionReason.NOT_ENTITLED
    accepted(send(scene, new_ask(web, new_key())))


def test_a_key_is_known_whichever_organisation_used_it(scene):
    add_organisation(scene, OTHER_CUSTOMER)
    theirs = enrolled(scene, customer_id=OTHER_CUSTOMER)
    assert refused(send(scene, new_ask(ordered(scene), theirs.key))) is RejectionReason.KEY_REUSED


def test_a_policy_may_take_fewer_keys(sqlite_scene):
    narrow = sqlite_scene.but(policy=KeyPolicy(frozenset({KeyType.RSA_2048})))
    ids = ordered(narrow)
    assert refused(send(narrow, new_ask(ids, new_key()))) is RejectionReason.KEY_NOT_ACCEPTED
    accepted(send(narrow, new_ask(ids, holder_key(1, KeyType.RSA_2048))))


def test_a_replacement_joins_the_lineage_of_what_it_replaces(scene):
    held = enrolled(scene)
    new = enrolled(scene, replaces=held.serial)
    row = certificates(scene).select_related("replaces").get(serial=new.serial)
    assert row.replaces.serial == held.serial
    assert scene.certificate(new.serial).lineage.lineage_id == scene.certificate(held.serial).lineage.lineage_id
    assert not scene.certificate(held.serial).revoked, "the old one is untouched"


def test_another_customers_retrieval_id_is_of_no_use(scene):
    add_organisation(scene, OTHER_CUSTOMER)
    held = enrolled(scene)
    answer = retrieve(get_ask(held.retrieval_id, OTHER_CUSTOMER), scene.ctx, REQUEST)
    assert answer == Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)
