"""Reconciliation after the restore of an older database.

Nothing that was answered is lost. Every reservation is either completed or ended.
"""

from dataclasses import replace

import pytest
from cryptography import x509

from sinetti.database import models
from sinetti.database.issuance import recovery
from sinetti.database.issuance.status_feed import last_number, list_events
from sinetti.database.operations import authorities
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.values import Channel, Language
from sinetti.journal import reader
from sinetti.journal.writer import NO_JOURNAL, Journal, JournalHeader, JournalUnavailable
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.reconcile import RESERVATIONS_WAIT, compare, preview, reconcile, resolve_reservations
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.organisations.registration import approve, close, withdraw
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import OFFLINE_LIFE, current_crl, publish
from sinetti.wire.transparency.entries import parse_entry
from tests.support.authority import CUSTOMER_ID, authority, issuer
from tests.support.backups import backed_up, restored
from tests.support.service_context import (
    DAY,
    REQUEST,
    SECOND,
    KilledError,
    SwitchableSigner,
    accepted,
    add_organisation,
    collected,
    enrolled,
    get_ask,
    in_the_window,
    killed_at,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
    renewed,
)

OTHER = "7654321-2"


@pytest.fixture
def desk(desk, tmp_path):
    """Yield the desk with a journal of its own."""
    one = journal_of(desk, tmp_path)
    yield desk.but(journal=one)
    one.close()


def journal_of(desk, folder) -> Journal:
    identity = authorities.identity(desk.db)
    return Journal(folder / "journal", JournalHeader(identity.instance_id, "TEST", "north"), desk.machine)


def certificates(desk):
    return models.Certificate.objects.using(desk.db.alias)


def kinds(desk) -> list[str]:
    return [line.kind for path in reader.files(desk.ctx.journal.folder) for line in reader.read(path)]


def reconciled(desk, written=0):
    done = reconcile(desk.ctx, desk.ctx.journal, REQUEST)
    assert not done.failed
    standing = compare(desk.ctx, desk.ctx.journal)
    assert standing.agrees
    assert standing.written == written
    return done


def without(row: models.Certificate) -> dict:
    """Return the values of a row without database ids and the machine time."""
    left_out = {"_state", "id", "reserved_machine_time", "predecessor_id", "replaces_id"}
    return {name: value for name, value in vars(row).items() if name not in left_out}


def test_everything_since_the_backup_is_put_back(desk, tmp_path):
    held, revoked_later, fetched_later = enrolled(desk), enrolled(desk), new_ask(ordered(desk), new_key())
    waiting = accepted(enrol(fetched_later, desk.ctx, REQUEST))
    in_the_window(desk, held)
    older_ids, key = ordered(desk), new_key()
    backup = backed_up(desk.db, tmp_path)

    first = accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))  # the next renewal voids it
    new = renewed(desk, held)
    in_the_window(desk, new)
    last = renewed(desk, new)
    in_the_window(desk, held)
    spent = accepted(enrol(new_ask(older_ids, key), desk.ctx, REQUEST))
    collected(desk, waiting)
    ask = RevocationRequest(revoked_later.serial, RevocationReason.KEY_COMPROMISE, invalidity_date=desk.clock.now)
    revoke(ask, desk.ctx, "operator", REQUEST)
    replacing = enrolled(desk, replaces=held.serial)
    before = {row.serial: without(row) for row in certificates(desk).all()}
    listed = current_crl(issuer().file_name, 1, desk.ctx, REQUEST)

    restored(desk.db, backup)
    assert certificates(desk).count() == len(before) - 5
    written = kinds(desk)
    assert preview(desk.ctx, desk.ctx.journal).ahead.startswith(
        "the journals contain facts that the database lacks (7 certificates, 1 list)"
    )
    assert kinds(desk) == written
    standing = compare(desk.ctx, desk.ctx.journal)
    assert len(standing.lost) == 7
    assert standing.numbers == {issuer().file_name: listed.number}

    done = reconciled(desk)
    assert len(done.restored) == 7
    assert {row.serial: without(row) for row in certificates(desk).all()} == before
    assert certificates(desk).get(serial=last.serial).predecessor.serial == new.serial
    assert certificates(desk).get(serial=replacing.serial).replaces.serial == held.serial
    # Nothing becomes unspent, unused, unrevoked or lost.
    assert accepted(enrol(new_ask(older_ids, key), desk.ctx, REQUEST)) == spent
    assert refused(enrol(new_ask(older_ids, new_key()), desk.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_USED
    assert refused(enrol(new_ask(ordered(desk), last.key), desk.ctx, REQUEST)) is RejectionReason.KEY_REUSED
    assert refused(renew(renew_ask(revoked_later, new_key()), desk.ctx, REQUEST)) is RejectionReason.SIGNER_REVOKED
    assert refused(renew(renew_ask(held, new_key()), desk.ctx, REQUEST)) is RejectionReason.ALREADY_RENEWED
    assert refused(retrieve(get_ask(first), desk.ctx, REQUEST)) is RejectionReason.SUPERSEDED
    assert collected(desk, last.retrieval_id) == last.der
    again = current_crl(issuer().file_name, 1, desk.ctx, REQUEST)
    assert again.number > listed.number
    assert numbers(again.der) == numbers(listed.der)
    assert reconcile(desk.ctx, desk.ctx.journal, REQUEST).restored == ()


def numbers(der: bytes) -> set[int]:
    return {entry.serial_number for entry in x509.load_der_x509_crl(der)}


def test_an_organisation_that_came_after_the_backup(desk, tmp_path):
    """The organisation is restored with its certificates.

    Its people and its approvals are not restored.
    """
    backup = backed_up(desk.db, tmp_path)
    add_organisation(desk, OTHER)
    held = enrolled(desk, customer_id=OTHER)
    in_the_window(desk, held)
    new = renewed_by(desk, held)
    restored(desk.db, backup)
    reconciled(desk)
    row = certificates(desk).get(serial=new.serial)
    assert row.predecessor.serial == held.serial
    assert row.lineage.contact is None
    assert collected(desk, held.retrieval_id, OTHER) == held.der
    in_the_window(desk, new)
    assert refused(renew(renew_ask(new, new_key(), OTHER), desk.ctx, REQUEST)) is RejectionReason.NOT_ENTITLED
    assert approve(OTHER, frozenset({Channel.WS}), desk.ctx, "operator", REQUEST)
    accepted(renew(renew_ask(new, new_key(), OTHER), desk.ctx, REQUEST))


def renewed_by(desk, held):
    key = new_key()
    retrieval_id = accepted(renew(renew_ask(held, key, OTHER), desk.ctx, REQUEST))
    der = collected(desk, retrieval_id, OTHER)
    serial = certificates(desk).get(retrieval_id=retrieval_id).serial
    return replace(held, key=key, der=der, serial=serial, retrieval_id=retrieval_id)


def test_what_waited_in_the_backup_is_completed_with_the_signature_that_was_given(desk, tmp_path):
    key, ids = new_key(), ordered(desk)
    with pytest.raises(KilledError):
        enrol(new_ask(ids, key), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    backup = backed_up(desk.db, tmp_path)
    der = collected(desk, accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST)))
    restored(desk.db, backup)
    desk.machine.forward(2 * RESERVATIONS_WAIT)
    reconciled(desk)
    assert collected(desk, certificates(desk).get().retrieval_id) == der


def test_a_reservation_in_the_backup_gives_way_to_what_was_issued(desk, tmp_path):
    held = enrolled(desk)
    in_the_window(desk, held)
    with pytest.raises(KilledError):
        renew(renew_ask(held, new_key()), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    backup = backed_up(desk.db, tmp_path)
    new = renewed(desk, held)
    restored(desk.db, backup)
    reconciled(desk)
    states = dict(certificates(desk).filter(predecessor__serial=held.serial).values_list("serial", "state"))
    assert states.pop(new.serial) == CertificateState.RETRIEVED
    assert list(states.values()) == [CertificateState.SUPERSEDED]


def test_the_list_alone_remembers_a_revocation(desk, tmp_path):
    held, reason = enrolled(desk), RevocationReason.CESSATION_OF_OPERATION
    backup = backed_up(desk.db, tmp_path)
    revoke(RevocationRequest(held.serial, reason, invalidity_date=desk.clock.now), desk.ctx, "operator", REQUEST)
    was = without(certificates(desk).get())
    restored(desk.db, backup)
    desk.ctx.journal.close()
    for path in reader.files(desk.ctx.journal.folder):
        path.unlink()
        path.with_name(f"{path.name}.head").unlink()
    assert reconciled(desk, written=1).restored == (held.serial,), "the revocation is written down again"
    assert without(certificates(desk).get()) == was


def test_a_restored_revocation_keeps_its_officer(desk, tmp_path):
    held, reason = enrolled(desk), RevocationReason.KEY_COMPROMISE
    backup = backed_up(desk.db, tmp_path)
    revoke(RevocationRequest(held.serial, reason), desk.ctx, "officer:anna", REQUEST)
    at = certificates(desk).get().revoked_at
    restored(desk.db, backup)
    assert reconcile(desk.ctx, desk.ctx.journal, REQUEST, "os-user:root").restored == (held.serial,)
    row = models.AuditEvent.objects.using(desk.db.alias).get(action="certificate-restored")
    facts = parse_entry(bytes(row.octets)).facts
    assert (row.actor, facts) == (
        "os-user:root",
        {
            "sha256": certificates(desk).get().sha256,
            "revoked_by": "officer:anna",
            "revoked_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "reason": "keyCompromise",
        },
    )  # fmt: skip


def test_a_restored_revocation_is_an_event(desk, tmp_path):
    """Processes that serve meanwhile may have read the certificate as good."""
    held = enrolled(desk)
    backup = backed_up(desk.db, tmp_path)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), desk.ctx, "operator", REQUEST)
    restored(desk.db, backup)
    before = last_number(desk.db)
    reconcile(desk.ctx, desk.ctx.journal, REQUEST)
    assert held.serial in {event.serial for _, event in list_events(desk.db, before, 10)}


def test_a_renewal_without_its_beginnings_is_named_and_not_put_back(desk, tmp_path):
    """The journal of another node, which has the enrolment, is not here."""
    backup = backed_up(desk.db, tmp_path)
    held = enrolled(desk)
    in_the_window(desk, held)
    desk.ctx.journal.close()
    other = desk.but(journal=journal_of(desk, tmp_path / "south"))
    new = renewed(other, held)
    other.ctx.journal.close()
    restored(desk.db, backup)
    done = reconcile(other.ctx, other.ctx.journal, REQUEST)
    assert done.failed == (new.serial,)
    assert not compare(other.ctx, other.ctx.journal).agrees
    for path in reader.files(desk.ctx.journal.folder):
        path.rename(other.ctx.journal.folder / "from-north.jsonl")
    assert len(reconciled(other).restored) == 2
    other.ctx.journal.close()


def test_facts_that_only_the_register_has_are_written_down(desk):
    key, ids = new_key(), ordered(desk)
    with pytest.raises(KilledError):
        enrol(new_ask(ids, key), desk.but(step=killed_at("11-recorded")).ctx, REQUEST)
    held = enrolled(desk.but(journal=NO_JOURNAL))
    ask = RevocationRequest(held.serial, RevocationReason.UNSPECIFIED)
    revoke(ask, desk.but(journal=NO_JOURNAL).ctx, "operator", REQUEST)
    standing = compare(desk.ctx, desk.ctx.journal)
    assert standing.agrees
    assert (standing.written, sorted(kinds(desk))) == (4, ["begun", "fetched", "issued", "issued", "revoked"])
    assert compare(desk.ctx, desk.ctx.journal).written == 0


def test_each_answer_is_written_down_once(desk):
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    for _ in range(3):
        retrieval_id = accepted(renew(renew_ask(held, key), desk.ctx, REQUEST))
        collected(desk, retrieval_id)
    assert kinds(desk) == ["begun", "issued", "fetched", "issued", "fetched"]


def test_a_repeated_request_writes_down_what_another_process_did(desk):
    ask = new_ask(ordered(desk), new_key())
    with pytest.raises(KilledError):
        enrol(ask, desk.but(step=killed_at("11-recorded")).ctx, REQUEST)
    assert "issued" not in kinds(desk)
    accepted(enrol(ask, desk.ctx, REQUEST))
    assert kinds(desk) == ["begun", "issued"]


def test_no_names_of_people_are_in_it(desk):
    enrolled(desk)
    octets = b"".join(path.read_bytes() for path in reader.files(desk.ctx.journal.folder))
    assert b"Nimetty" not in octets
    assert b"nimi@" not in octets


def test_nothing_is_answered_while_it_cannot_be_written_down(desk, monkeypatch):
    ask = new_ask(ordered(desk), new_key())
    with monkeypatch.context() as full:
        full.setattr(Journal, "append", unavailable)
        refusal = enrol(ask, desk.ctx, REQUEST)
        assert (refusal.reason, refusal.language) == (RejectionReason.UNAVAILABLE, Language.SV)
        retrieval_id = certificates(desk).get().retrieval_id
        assert refused(retrieve(get_ask(retrieval_id), desk.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    assert accepted(enrol(ask, desk.ctx, REQUEST)) == retrieval_id
    assert kinds(desk) == ["begun", "issued"]


def test_where_no_list_can_be_kept_the_last_one_is_served_while_it_lives(desk, monkeypatch):
    held, last = enrolled(desk), current_crl(issuer().file_name, 1, desk.ctx, REQUEST)
    with monkeypatch.context() as full:
        full.setattr(Journal, "keep_list", unavailable)
        revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), desk.ctx, "operator", REQUEST)
        assert current_crl(issuer().file_name, 1, desk.ctx, REQUEST) == last
        desk.clock.forward(8 * DAY)
        with pytest.raises(JournalUnavailable):
            current_crl(issuer().file_name, 1, desk.ctx, REQUEST)
    new = x509.load_der_x509_crl(current_crl(issuer().file_name, 1, desk.ctx, REQUEST).der)
    assert [f"{entry.serial_number:038x}" for entry in new] == [held.serial]


def unavailable(_journal, *_what) -> None:
    why = "the disk is full for a test"
    raise JournalUnavailable(why)


def test_a_fetch_that_could_not_be_noted_is_noted_before_the_certificate_leaves(desk, monkeypatch):
    """The database has marked the retrieval by then.

    No request marks it again.
    """
    retrieval_id = accepted(enrol(new_ask(ordered(desk), new_key()), desk.ctx, REQUEST))
    with monkeypatch.context() as full:
        full.setattr(Journal, "_write", unavailable)
        for _ in range(2):
            assert refused(retrieve(get_ask(retrieval_id), desk.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    assert certificates(desk).get().state == CertificateState.RETRIEVED
    collected(desk, retrieval_id)
    assert kinds(desk) == ["begun", "issued", "fetched"]
    collected(desk, retrieval_id)
    assert compare(desk.ctx, desk.ctx.journal).written == 0


def test_a_fetch_that_ended_before_it_was_noted_is_noted_when_it_is_asked_for_again(desk):
    retrieval_id = accepted(enrol(new_ask(ordered(desk), new_key()), desk.ctx, REQUEST))
    with pytest.raises(KilledError):
        retrieve(get_ask(retrieval_id), desk.but(step=killed_at("14-fetched")).ctx, REQUEST)
    assert kinds(desk) == ["begun", "issued"]
    for _ in range(2):
        collected(desk, retrieval_id)
        assert kinds(desk) == ["begun", "issued", "fetched"]


@pytest.mark.parametrize("comes_back", [True, False], ids=["asked for again", "nobody comes back"])
def test_what_gave_way_to_a_renewal_that_ended_is_noted_with_it(desk, comes_back):
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    with pytest.raises(KilledError):
        renew(renew_ask(held, key), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    before = kinds(desk)
    if comes_back:
        for _ in range(2):
            accepted(renew(renew_ask(held, key), desk.ctx, REQUEST))
    else:
        desk.machine.forward(RESERVATIONS_WAIT + SECOND)
        assert resolve_reservations(desk.ctx, REQUEST) == (1, 0)
    assert kinds(desk) == [*before, "revoked", "issued"]
    assert compare(desk.ctx, desk.ctx.journal).written == 0


# Reservations whose client does not come back.


def reserved(desk):
    """Leave a reservation behind, and return its request."""
    ask = new_ask(ordered(desk), new_key())
    with pytest.raises(KilledError):
        enrol(ask, desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    return ask


def test_a_reservation_is_finished_after_its_minute_on_the_machine_s_clock(desk):
    reserved(desk)
    desk.clock.forward(10 * RESERVATIONS_WAIT)
    desk.machine.forward(RESERVATIONS_WAIT)
    assert resolve_reservations(desk.ctx, REQUEST) == (0, 0)
    desk.machine.forward(SECOND)
    assert resolve_reservations(desk.ctx, REQUEST) == (1, 0)
    assert certificates(desk).get().state == CertificateState.ISSUED
    assert kinds(desk) == ["begun", "issued"]
    assert resolve_reservations(desk.ctx, REQUEST) == (0, 0)


def test_a_reservation_of_earlier_code_waits_by_the_office_s_clock(desk):
    reserved(desk)
    certificates(desk).update(reserved_machine_time=None)
    desk.machine.forward(RESERVATIONS_WAIT + SECOND)
    assert resolve_reservations(desk.ctx, REQUEST) == (1, 0)


def test_a_reservation_waits_for_its_signer(desk):
    reserved(desk)
    desk.machine.forward(2 * RESERVATIONS_WAIT)
    desk.signer.away = True
    assert resolve_reservations(desk.ctx, REQUEST) == (0, 0)
    desk.signer.away = False
    assert resolve_reservations(desk.ctx, REQUEST) == (1, 0)


@pytest.mark.parametrize("of_the_old_one", [True, False], ids=["the old one is revoked", "it is revoked itself"])
def test_revocation_is_looked_at_again(desk, of_the_old_one):
    held = enrolled(desk)
    in_the_window(desk, held)
    with pytest.raises(KilledError):
        renew(renew_ask(held, new_key()), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    waiting = certificates(desk).get(predecessor__serial=held.serial).serial
    ask = RevocationRequest(held.serial if of_the_old_one else waiting, RevocationReason.CESSATION_OF_OPERATION)
    revoke(ask, desk.ctx, "operator", REQUEST)
    desk.machine.forward(2 * RESERVATIONS_WAIT)
    assert resolve_reservations(desk.ctx, REQUEST) == (0, 0)
    row = certificates(desk).get(serial=waiting)
    assert row.sha256 is None
    assert row.revocation_reason == RevocationReason.CESSATION_OF_OPERATION


def closed(desk) -> None:
    close(CUSTOMER_ID, desk.ctx, "operator", REQUEST)


def withdrawn(desk) -> None:
    withdraw(CUSTOMER_ID, Channel.WS, desk.ctx, "operator", REQUEST)


def garbled(desk) -> None:
    desk.signer.garbling = True


def expired(desk) -> None:
    desk.clock.now = certificates(desk).get().not_after + SECOND


@pytest.mark.parametrize("hindered", [closed, withdrawn, garbled, expired])
def test_what_cannot_be_finished_is_given_up_and_its_ids_come_back(desk, hindered):
    ask = reserved(desk)
    key, before = certificates(desk).get().key_id, desk.clock.now
    hindered(desk)
    desk.machine.forward(2 * RESERVATIONS_WAIT)
    assert resolve_reservations(desk.ctx, REQUEST) == (0, 1)
    row = certificates(desk).get()
    assert (row.state, row.revoked_at) == (CertificateState.SUPERSEDED, None)
    assert models.Order.objects.using(desk.db.alias).get().state == OrderState.OPEN
    assert not models.UsedKey.objects.using(desk.db.alias).filter(pk=key).exists()
    assert refused(retrieve(get_ask(row.retrieval_id), desk.ctx, REQUEST)) is RejectionReason.SUPERSEDED
    assert compare(desk.ctx, desk.ctx.journal).agrees
    # The same request may be made anew.
    desk.clock.now, desk.signer.garbling = before, False
    if hindered is not closed:
        approve(CUSTOMER_ID, frozenset({Channel.WS}), desk.ctx, "operator", REQUEST)
        assert accepted(enrol(ask, desk.ctx, REQUEST)) != row.retrieval_id


def test_a_renewal_that_cannot_be_finished_may_be_made_anew(desk):
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    with pytest.raises(KilledError):
        renew(renew_ask(held, key), desk.but(step=killed_at("9-reserved")).ctx, REQUEST)
    desk.machine.forward(2 * RESERVATIONS_WAIT)
    withdrawn(desk)
    assert resolve_reservations(desk.ctx, REQUEST) == (0, 1)
    approve(CUSTOMER_ID, frozenset({Channel.WS}), desk.ctx, "operator", REQUEST)
    accepted(renew(renew_ask(held, key), desk.ctx, REQUEST))


def test_two_nodes_settle_the_same_reservation_once(desk, monkeypatch):
    ask = reserved(desk)
    desk.machine.forward(2 * RESERVATIONS_WAIT)
    found = recovery.waiting_reservations(desk.db, desk.machine.now, desk.machine.now + DAY)
    accepted(enrol(ask, desk.ctx, REQUEST))
    monkeypatch.setattr(recovery, "waiting_reservations", lambda *_: found)
    withdrawn(desk)
    assert resolve_reservations(desk.ctx, REQUEST) == (1, 0), "what it found is answered by the row"
    stale = replace(
        found[0], lineage=replace(found[0].lineage, customer=replace(found[0].lineage.customer, open=False))
    )
    monkeypatch.setattr(recovery, "waiting_reservations", lambda *_: (stale,))
    assert resolve_reservations(desk.ctx, REQUEST) == (0, 0)
    assert certificates(desk).get().state == CertificateState.ISSUED


def test_a_ca_of_another_instance_has_no_number_here(desk):
    one = issuer()
    current_crl(one.file_name, 1, desk.ctx, REQUEST)
    models.Crl.objects.using(desk.db.alias).all().delete()
    unknown = replace(one, file_name="SomethingElsev1")
    path = next(desk.ctx.journal.folder.glob("*.crl"))
    path.rename(path.with_name(path.name.replace(one.file_name, unknown.file_name)))
    other = desk.but(issuers={unknown.file_name: unknown})
    assert compare(other.ctx, other.ctx.journal).numbers == {}


def test_orders_of_the_backup_that_were_not_spent_stay_open(desk, tmp_path):
    ids = ordered(desk)
    backup = backed_up(desk.db, tmp_path)
    enrolled(desk)
    restored(desk.db, backup)
    reconciled(desk)
    accepted(enrol(new_ask(ids, new_key()), desk.ctx, REQUEST))


def test_the_list_of_a_ca_that_is_off_line_comes_back_from_beside_the_journal(desk):
    name = "SinettiRootTestCAv1"
    signing = desk.but(issuers={**desk.ctx.issuers, name: authority().issuer(name)})
    publish(name, signing.ctx, REQUEST, signing.ctx.now() + OFFLINE_LIFE)
    rows = models.Crl.objects.using(desk.db.alias).filter(authority_id=name)
    old = list(rows.values("shard", "number", "der"))
    publish(name, signing.ctx, REQUEST, signing.ctx.now() + OFFLINE_LIFE)
    newest = [current_crl(name, shard, signing.ctx, REQUEST) for shard in (0, 1)]
    desk = signing.but(offline=frozenset({name}), crl_cache={})
    for row in old:
        rows.filter(shard=row["shard"]).update(**row)
    models.CertificateAuthority.objects.using(desk.db.alias).filter(pk=name).update(crl_number=old[0]["number"])
    assert compare(desk.ctx, desk.ctx.journal).numbers == {name: newest[0].number}
    reconciled(desk)
    assert [current_crl(name, shard, desk.ctx, REQUEST).der for shard in (0, 1)] == [one.der for one in newest]
    assert recovery.crl_number(desk.db, name) == newest[0].number


class RefusingSigner(SwitchableSigner):
    """Signer with rules of its own that refuses every certificate."""

    def sign(self, key_name, octets, proof=None):
        del key_name, octets, proof
        sentence = "it begins more than a day ago"
        raise SignatureRefused(sentence)


def test_a_reservation_that_a_signer_refuses_for_good_is_given_up(desk):
    refusing = desk.but(signer=RefusingSigner(desk.signer.built))
    ids, key = ordered(desk), new_key()
    assert refused(enrol(new_ask(ids, key), refusing.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    desk.machine.forward(RESERVATIONS_WAIT + SECOND)
    assert resolve_reservations(refusing.ctx, REQUEST) == (0, 0), "a day's number may be the reason"
    desk.clock.forward(DAY + SECOND)
    assert resolve_reservations(refusing.ctx, REQUEST) == (0, 1)


def test_a_responder_that_cannot_sign_stops_no_certificate(desk):
    class AwayKey:
        def __init__(self, inside):
            self.inside = inside

        def public_key(self):
            return self.inside.public_key()

        def sign(self, *_octets):
            sentence = "the key is away"
            raise SignerUnavailable(sentence)

    def away(responder):
        return lambda: replace(responder(), key=AwayKey(responder().key))

    responders = {name: away(one) for name, one in desk.ctx.responders.items()}
    enrolled(desk.but(responders=responders))
