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
from tests.support.service_context import (
    DAY,
    REQUEST,
    SECOND,
    TRANSFER_KEY,
    Desk,
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


def send(desk: Desk, ask: EnrolRequest):
    return enrol(ask, desk.ctx, REQUEST)


def certificates(desk: Desk):
    return models.Certificate.objects.using(desk.db.alias)


def kept_refusals(desk: Desk):
    rows = models.RejectedRequest.objects.using(desk.db.alias).order_by("at")
    return list(rows.values_list("reason", "operation", "at", "request_id"))


def lock(desk: Desk, ids) -> None:
    for _ in range(10):
        assert (
            refused(send(desk, new_ask(replace(ids, transfer_password="wrong"), new_key())))
            is RejectionReason.TRANSFER_IDS_WRONG
        )


def test_the_certificate_that_was_ordered(desk):
    key, ids = new_key(), ordered(desk)
    certificate = load_certificate(collected(desk, accepted(send(desk, new_ask(ids, key)))))
    assert certificate.public_key() == key.public_key()
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (NOW, NOW + VALIDITY)
    certificate.verify_directly_issued_by(ca_certificate())
    names = {attribute.oid: attribute.value for attribute in certificate.subject}
    row = certificates(desk).select_related("lineage").get()
    assert names[NameOID.COMMON_NAME] == CUSTOMER_ID
    assert names[NameOID.ORGANIZATION_NAME] == CUSTOMER_NAME
    assert names[NameOID.SERIAL_NUMBER] == row.lineage.subject_serial
    assert (row.origin, row.order_id, row.predecessor_id) == ("order", ids.order_id, None)
    assert row.renewable_from == NOW + VALIDITY - 60 * DAY


def test_the_shapes_of_serial_and_retrieval_id(desk):
    held = enrolled(desk)
    assert re.fullmatch(r"[4-7][0-9a-f]{37}", held.serial)
    assert re.fullmatch(r"[0-9a-f]{32}", held.retrieval_id)


def test_an_office_shows_no_secret(sqlite_desk):
    assert repr(TRANSFER_KEY) not in repr(sqlite_desk.ctx)
    assert "Keyring" not in repr(sqlite_desk.ctx)


def test_the_channel_decides_which_ca_issues(desk):
    certificate = load_certificate(enrolled(desk, Channel.SFTP).der)
    certificate.verify_directly_issued_by(ca_certificate(Channel.SFTP))


def test_only_the_key_of_the_request_is_trusted(desk):
    key = new_key()
    certificate = load_certificate(collected(desk, accepted(send(desk, new_ask(ordered(desk), odd_csr(key))))))
    assert certificate.public_key() == key.public_key()
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == CUSTOMER_ID


def test_the_organisations_own_spelling_of_its_id_stands_in_the_certificate(sqlite_desk):
    add_organisation(sqlite_desk, "Abc-1")
    ids = ordered(sqlite_desk, an_order("ABC-1"))
    retrieval_id = accepted(send(sqlite_desk, new_ask(ids, new_key(), " abc-1")))
    subject = load_certificate(collected(sqlite_desk, retrieval_id, "aBC-1")).subject
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


def flawed(desk: Desk, flaws: list[str]) -> tuple[EnrolRequest, object]:
    """Set up these flaws, and return the request and the key."""
    ids, key = ordered(desk), new_key()
    if "key of a curve that is not taken" in flaws:
        key = ec.generate_private_key(ec.SECP521R1())
    elif "key known" in flaws:
        key = enrolled(desk).key
    if "used" in flaws and "locked" not in flaws:  # used ids are never locked
        accepted(send(desk, new_ask(ids, new_key())))
    if "locked" in flaws:
        lock(desk, ids)
    if "lapsed" in flaws:
        desk.clock.forward(TRANSFER_IDS_LIVE + SECOND)
    if "closed" in flaws:
        assert close(CUSTOMER_ID, desk.ctx, "operator", REQUEST)
    if "wrong password" in flaws:
        ids = replace(ids, transfer_password="wrong")
    customer_id = OTHER_CUSTOMER if "another customer" in flaws else CUSTOMER_ID
    request = b"nonsense" if "unreadable request" in flaws else csr(key)
    return new_ask(ids, request, customer_id), key


@pytest.mark.parametrize("alone", [False, True], ids=["and all later ones", "alone"])
@pytest.mark.parametrize("flaw", FLAWS)
def test_order_of_checks(desk, flaw, alone):
    place = list(FLAWS).index(flaw)
    flaws = [flaw] if alone else list(FLAWS)[place:]
    ask, key = flawed(desk, flaws)
    issued = certificates(desk).count()
    answer = send(desk, ask)
    assert refused(answer) is FLAWS[flaw]
    # The database keeps the reason once the password has proven the caller. Only then is the language known.
    proven = flaw != "wrong password"
    assert answer.language is (Language.SV if proven else None)
    assert kept_refusals(desk) == ([(FLAWS[flaw], "new", desk.clock.now, REQUEST)] if proven else [])
    # The refusal changed nothing else.
    assert certificates(desk).count() == issued
    if "key known" not in flaws:
        assert not transactions.known_keys(desk.db, [key_id(key.public_key())])


def test_the_same_key_again_is_answered_before_everything_that_follows(desk):
    key, ids = new_key(), ordered(desk)
    first = accepted(send(desk, new_ask(ids, key)))
    desk.clock.forward(TRANSFER_IDS_LIVE + SECOND)
    close(CUSTOMER_ID, desk.ctx, "operator", REQUEST)
    assert accepted(send(desk, new_ask(ids, odd_csr(key)))) == first, "the key decides, not the request's octets"
    assert certificates(desk).count() == 1
    assert kept_refusals(desk) == []


def test_unknown_ids(desk):
    ids = replace(ordered(desk), transfer_id="9" * 32)
    assert send(desk, new_ask(ids, new_key())) == Rejection(RejectionReason.TRANSFER_IDS_WRONG)
    assert send(desk, new_ask(ids, new_key())) == Rejection(RejectionReason.TRANSFER_IDS_WRONG)
    counter = models.Counter.objects.using(desk.db.alias).get(name="wrong-passwords")
    assert counter.value == 2
    assert kept_refusals(desk) == []


def test_refusals_of_one_order_write_a_bounded_number_of_entries(desk):
    """Ten in a day have an entry each. One entry counts the others, and is written once."""
    ids, other = ordered(desk), ordered(desk)
    rows = models.AuditEvent.objects.using(desk.db.alias).filter(action="request-refused").order_by("sequence")

    def refuse(ids, count):
        for _ in range(count):
            assert refused(send(desk, new_ask(ids, b"nonsense"))) is RejectionReason.CSR_UNREADABLE

    count_rejections(desk.db, desk.audit_entry())
    refuse(ids, 25)
    refuse(other, 10)
    count_rejections(desk.db, desk.audit_entry())
    assert rows.count() == 20
    day = desk.clock.now.date().isoformat()
    desk.clock.forward(DAY)
    refuse(ids, 1)
    for _ in range(2):
        count_rejections(desk.db, desk.audit_entry())
    facts = [parse_entry(bytes(row.octets)).facts for row in rows[20:]]
    assert [one.get("reason") for one in facts] == ["csr-unreadable", None]
    assert facts[1] == {"count": 15, "day": day}


def test_another_key_is_refused_once_the_ids_are_spent(desk):
    ids = ordered(desk)
    first = accepted(send(desk, new_ask(ids, new_key())))
    assert refused(send(desk, new_ask(ids, new_key()))) is RejectionReason.TRANSFER_IDS_USED
    assert [row.retrieval_id for row in certificates(desk).all()] == [first]


def test_the_last_second_of_fourteen_days(desk):
    ids = ordered(desk)
    desk.clock.now = NOW + 14 * DAY + SECOND
    key = new_key()
    answer = send(desk, new_ask(ids, key))
    assert answer == Rejection(RejectionReason.TRANSFER_IDS_EXPIRED, ended=NOW + 14 * DAY, language=Language.SV)
    desk.clock.now = NOW + 14 * DAY
    accepted(send(desk, new_ask(ids, key)))


def test_nine_wrong_passwords_are_forgiven_and_the_tenth_locks_until_new_ids_are_made(desk):
    ids, key = ordered(desk), new_key()
    wrong = replace(ids, transfer_password="wrong")
    for _ in range(9):
        assert refused(send(desk, new_ask(wrong, key))) is RejectionReason.TRANSFER_IDS_WRONG
    assert refused(send(desk, new_ask(ids, b""))) is RejectionReason.CSR_UNREADABLE, "not locked yet"
    assert refused(send(desk, new_ask(wrong, key))) is RejectionReason.TRANSFER_IDS_WRONG
    assert refused(send(desk, new_ask(ids, key))) is RejectionReason.TRANSFER_IDS_LOCKED
    fresh = reissue_transfer_ids(ids.order_id, desk.ctx, "operator", REQUEST)
    assert refused(send(desk, new_ask(ids, key))) is RejectionReason.TRANSFER_IDS_WRONG, "the old ones ended"
    accepted(send(desk, new_ask(fresh, key)))


def test_new_ids_for_the_same_order_after_the_old_ones_lapsed(desk):
    ids, key = ordered(desk), new_key()
    desk.clock.forward(15 * DAY)
    assert refused(send(desk, new_ask(ids, key))) is RejectionReason.TRANSFER_IDS_EXPIRED
    fresh = reissue_transfer_ids(ids.order_id, desk.ctx, "operator", REQUEST)
    accepted(send(desk, new_ask(fresh, key)))
    assert certificates(desk).get().order_id == ids.order_id


def test_a_channel_that_was_withdrawn(desk):
    web, sftp = ordered(desk), ordered(desk, an_order(channel=Channel.SFTP))
    withdraw(CUSTOMER_ID, Channel.SFTP, desk.ctx, "operator", REQUEST)
    assert refused(send(desk, new_ask(sftp, new_key()))) is RejectionReason.NOT_ENTITLED
    accepted(send(desk, new_ask(web, new_key())))


def test_a_key_is_known_whichever_organisation_used_it(desk):
    add_organisation(desk, OTHER_CUSTOMER)
    theirs = enrolled(desk, customer_id=OTHER_CUSTOMER)
    assert refused(send(desk, new_ask(ordered(desk), theirs.key))) is RejectionReason.KEY_REUSED


def test_a_policy_may_take_fewer_keys(sqlite_desk):
    narrow = sqlite_desk.but(policy=KeyPolicy(frozenset({KeyType.RSA_2048})))
    ids = ordered(narrow)
    assert refused(send(narrow, new_ask(ids, new_key()))) is RejectionReason.KEY_NOT_ACCEPTED
    accepted(send(narrow, new_ask(ids, holder_key(1, KeyType.RSA_2048))))


def test_a_replacement_joins_the_lineage_of_what_it_replaces(desk):
    held = enrolled(desk)
    new = enrolled(desk, replaces=held.serial)
    row = certificates(desk).select_related("replaces").get(serial=new.serial)
    assert row.replaces.serial == held.serial
    assert desk.certificate(new.serial).lineage.lineage_id == desk.certificate(held.serial).lineage.lineage_id
    assert not desk.certificate(held.serial).revoked, "the old one is untouched"


def test_another_customers_retrieval_id_is_of_no_use(desk):
    add_organisation(desk, OTHER_CUSTOMER)
    held = enrolled(desk)
    answer = retrieve(get_ask(held.retrieval_id, OTHER_CUSTOMER), desk.ctx, REQUEST)
    assert answer == Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)
