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
from tests.support.killed import KilledError, killed_at
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    SwitchableSigner,
    accepted,
    add_organisation,
    collected,
    enrolled,
    get_ask,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
    renewed,
)

OTHER = "7654321-2"


@pytest.fixture
def scene(scene, tmp_path):
    """Yield the scene with a journal of its own."""
    one = journal_of(scene, tmp_path)
    yield scene.but(journal=one)
    one.close()


def journal_of(scene, folder) -> Journal:
    identity = authorities.identity(scene.db)
    return Journal(folder / "journal", JournalHeader(identity.instance_id, "TEST", "north"), scene.machine)


def certificates(scene):
    return models.Certificate.objects.using(scene.db.alias)


def kinds(scene) -> list[str]:
    return [line.kind for path in reader.files(scene.ctx.journal.folder) for line in reader.read(path)]


def reconciled(scene, written=0):
    done = reconcile(scene.ctx, scene.ctx.journal, REQUEST)
    assert not done.failed
    standing = compare(scene.ctx, scene.ctx.journal)
    assert standing.agrees
    assert standing.written == written
    return done


def without(row: models.Certificate) -> dict:
    """Return the values of a row without database ids and the machine time."""
    left_out = {"_state", "id", "reserved_machine_time", "predecessor_id", "replaces_id"}
    return {name: value for name, value in vars(row).items() if name not in left_out}


def test_everything_since_the_backup_is_put_back(scene, tmp_path):
    held, revoked_later, fetched_later = enrolled(scene), enrolled(scene), new_ask(ordered(scene), new_key())
    waiting = accepted(enrol(fetched_later, scene.ctx, REQUEST))
    in_the_window(scene, held)
    older_ids, key = ordered(scene), new_key()
    backup = backed_up(scene.db, tmp_path)

    first = accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))  # the next renewal voids it
    new = renewed(scene, held)
    in_the_window(scene, new)
    last = renewed(scene, new)
    in_the_window(scene, held)
    spent = accepted(enrol(new_ask(older_ids, key), scene.ctx, REQUEST))
    collected(scene, waiting)
    ask = RevocationRequest(revoked_later.serial, RevocationReason.KEY_COMPROMISE, invalidity_date=scene.clock.now)
    revoke(ask, scene.ctx, "operator", REQUEST)
    replacing = enrolled(scene, replaces=held.serial)
    before = {row.serial: without(row) for row in certificates(scene).all()}
    listed = current_crl(issuer().file_name, 1, scene.ctx, REQUEST)

    restored(scene.db, backup)
    assert certificates(scene).count() == len(before) - 5
    written = kinds(scene)
    assert preview(scene.ctx, scene.ctx.journal).ahead.startswith(
        "the journals contain facts that the database lacks (7 certificates, 1 list)"
    )
    assert kinds(scene) == written
    standing = compare(scene.ctx, scene.ctx.journal)
    assert len(standing.lost) == 7
    assert standing.numbers == {issuer().file_name: listed.number}

    done = reconciled(scene)
    assert len(done.restored) == 7
    assert {row.serial: without(row) for row in certificates(scene).all()} == before
    assert certificates(scene).get(serial=last.serial).predecessor.serial == new.serial
    assert certificates(scene).get(serial=replacing.serial).replaces.serial == held.serial
    # Nothing becomes unspent, unused, unrevoked or lost.
    assert accepted(enrol(new_ask(older_ids, key), scene.ctx, REQUEST)) == spent
    assert refused(enrol(new_ask(older_ids, new_key()), scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_USED
    assert refused(enrol(new_ask(ordered(scene), last.key), scene.ctx, REQUEST)) is RejectionReason.KEY_REUSED
    assert refused(renew(renew_ask(revoked_later, new_key()), scene.ctx, REQUEST)) is RejectionReason.SIGNER_REVOKED
    assert refused(renew(renew_ask(held, new_key()), scene.ctx, REQUEST)) is RejectionReason.ALREADY_RENEWED
    assert refused(retrieve(get_ask(first), scene.ctx, REQUEST)) is RejectionReason.SUPERSEDED
    assert collected(scene, last.retrieval_id) == last.der
    again = current_crl(issuer().file_name, 1, scene.ctx, REQUEST)
    assert again.number > listed.number
    assert numbers(again.der) == numbers(listed.der)
    assert reconcile(scene.ctx, scene.ctx.journal, REQUEST).restored == ()


def numbers(der: bytes) -> set[int]:
    return {entry.serial_number for entry in x509.load_der_x509_crl(der)}


def test_an_organisation_that_came_after_the_backup(scene, tmp_path):
    """The organisation is restored with its certificates.

    Its people and its approvals are not restored.
    """
    backup = backed_up(scene.db, tmp_path)
    add_organisation(scene, OTHER)
    held = enrolled(scene, customer_id=OTHER)
    in_the_window(scene, held)
    new = renewed_by(scene, held)
    restored(scene.db, backup)
    reconciled(scene)
    row = certificates(scene).get(serial=new.serial)
    assert row.predecessor.serial == held.serial
    assert row.lineage.contact is None
    assert collected(scene, held.retrieval_id, OTHER) == held.der
    in_the_window(scene, new)
    assert refused(renew(renew_ask(new, new_key(), OTHER), scene.ctx, REQUEST)) is RejectionReason.NOT_ENTITLED
    assert approve(OTHER, frozenset({Channel.WS}), scene.ctx, "operator", REQUEST)
    accepted(renew(renew_ask(new, new_key(), OTHER), scene.ctx, REQUEST))


def renewed_by(scene, held):
    key = new_key()
    retrieval_id = accepted(renew(renew_ask(held, key, OTHER), scene.ctx, REQUEST))
    der = collected(scene, retrieval_id, OTHER)
    serial = certificates(scene).get(retrieval_id=retrieval_id).serial
    return replace(held, key=key, der=der, serial=serial, retrieval_id=retrieval_id)


def test_what_waited_in_the_backup_is_completed_with_the_signature_that_was_given(scene, tmp_path):
    key, ids = new_key(), ordered(scene)
    with pytest.raises(KilledError):
        enrol(new_ask(ids, key), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    backup = backed_up(scene.db, tmp_path)
    der = collected(scene, accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)))
    restored(scene.db, backup)
    scene.machine.forward(2 * RESERVATIONS_WAIT)
    reconciled(scene)
    assert collected(scene, certificates(scene).get().retrieval_id) == der


def test_a_reservation_in_the_backup_gives_way_to_what_was_issued(scene, tmp_path):
    held = enrolled(scene)
    in_the_window(scene, held)
    with pytest.raises(KilledError):
        renew(renew_ask(held, new_key()), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    backup = backed_up(scene.db, tmp_path)
    new = renewed(scene, held)
    restored(scene.db, backup)
    reconciled(scene)
    states = dict(certificates(scene).filter(predecessor__serial=held.serial).values_list("serial", "state"))
    assert states.pop(new.serial) == CertificateState.RETRIEVED
    assert list(states.values()) == [CertificateState.SUPERSEDED]


def test_the_list_alone_remembers_a_revocation(scene, tmp_path):
    held, reason = enrolled(scene), RevocationReason.CESSATION_OF_OPERATION
    backup = backed_up(scene.db, tmp_path)
    revoke(RevocationRequest(held.serial, reason, invalidity_date=scene.clock.now), scene.ctx, "operator", REQUEST)
    was = without(certificates(scene).get())
    restored(scene.db, backup)
    scene.ctx.journal.close()
    for path in reader.files(scene.ctx.journal.folder):
        path.unlink()
        path.with_name(f"{path.name}.head").unlink()
    assert reconciled(scene, written=1).restored == (held.serial,), "the revocation is written down again"
    assert without(certificates(scene).get()) == was


def test_a_restored_revocation_keeps_its_officer(scene, tmp_path):
    held, reason = enrolled(scene), RevocationReason.KEY_COMPROMISE
    backup = backed_up(scene.db, tmp_path)
    revoke(RevocationRequest(held.serial, reason), scene.ctx, "officer:anna", REQUEST)
    at = certificates(scene).get().revoked_at
    restored(scene.db, backup)
    assert reconcile(scene.ctx, scene.ctx.journal, REQUEST, "os-user:root").restored == (held.serial,)
    row = models.AuditEvent.objects.using(scene.db.alias).get(action="certificate-restored")
    facts = parse_entry(bytes(row.octets)).facts
    assert (row.actor, facts) == (
        "os-user:root",
        {
            "sha256": certificates(scene).get().sha256,
            "revoked_by": "officer:anna",
            "revoked_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "reason": "keyCompromise",
        },
    )  # fmt: skip


def test_a_restored_revocation_is_an_event(scene, tmp_path):
    """Processes that serve meanwhile may have read the certificate as good."""
    held = enrolled(scene)
    backup = backed_up(scene.db, tmp_path)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    restored(scene.db, backup)
    before = last_number(scene.db)
    reconcile(scene.ctx, scene.ctx.journal, REQUEST)
    assert held.serial in {event.serial for _, event in list_events(scene.db, before, 10)}


def test_a_renewal_without_its_beginnings_is_named_and_not_put_back(scene, tmp_path):
    """The journal of another node, which has the enrolment, is not here."""
    backup = backed_up(scene.db, tmp_path)
    held = enrolled(scene)
    in_the_window(scene, held)
    scene.ctx.journal.close()
    other = scene.but(journal=journal_of(scene, tmp_path / "south"))
    new = renewed(other, held)
    other.ctx.journal.close()
    restored(scene.db, backup)
    done = reconcile(other.ctx, other.ctx.journal, REQUEST)
    assert done.failed == (new.serial,)
    assert not compare(other.ctx, other.ctx.journal).agrees
    for path in reader.files(scene.ctx.journal.folder):
        path.rename(other.ctx.journal.folder / "from-north.jsonl")
    assert len(reconciled(other).restored) == 2
    other.ctx.journal.close()


def test_facts_that_only_the_register_has_are_written_down(scene):
    key, ids = new_key(), ordered(scene)
    with pytest.raises(KilledError):
        enrol(new_ask(ids, key), scene.but(step=killed_at("11-recorded")).ctx, REQUEST)
    held = enrolled(scene.but(journal=NO_JOURNAL))
    ask = RevocationRequest(held.serial, RevocationReason.UNSPECIFIED)
    revoke(ask, scene.but(journal=NO_JOURNAL).ctx, "operator", REQUEST)
    standing = compare(scene.ctx, scene.ctx.journal)
    assert standing.agrees
    assert (standing.written, sorted(kinds(scene))) == (4, ["begun", "fetched", "issued", "issued", "revoked"])
    assert compare(scene.ctx, scene.ctx.journal).written == 0


def test_each_answer_is_written_down_once(scene):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    for _ in range(3):
        retrieval_id = accepted(renew(renew_ask(held, key), scene.ctx, REQUEST))
        collected(scene, retrieval_id)
    assert kinds(scene) == ["begun", "issued", "fetched", "issued", "fetched"]


def test_a_repeated_request_writes_down_what_another_process_did(scene):
    ask = new_ask(ordered(scene), new_key())
    with pytest.raises(KilledError):
        enrol(ask, scene.but(step=killed_at("11-recorded")).ctx, REQUEST)
    assert "issued" not in kinds(scene)
    accepted(enrol(ask, scene.ctx, REQUEST))
    assert kinds(scene) == ["begun", "issued"]


def test_no_names_of_people_are_in_it(scene):
    enrolled(scene)
    octets = b"".join(path.read_bytes() for path in reader.files(scene.ctx.journal.folder))
    assert b"Nimetty" not in octets
    assert b"nimi@" not in octets


def test_nothing_is_answered_while_it_cannot_be_written_down(scene, monkeypatch):
    ask = new_ask(ordered(scene), new_key())
    with monkeypatch.context() as full:
        full.setattr(Journal, "append", unavailable)
        refusal = enrol(ask, scene.ctx, REQUEST)
        assert (refusal.reason, refusal.language) == (RejectionReason.UNAVAILABLE, Language.SV)
        retrieval_id = certificates(scene).get().retrieval_id
        assert refused(retrieve(get_ask(retrieval_id), scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    assert accepted(enrol(ask, scene.ctx, REQUEST)) == retrieval_id
    assert kinds(scene) == ["begun", "issued"]


def test_where_no_list_can_be_kept_the_last_one_is_served_while_it_lives(scene, monkeypatch):
    held, last = enrolled(scene), current_crl(issuer().file_name, 1, scene.ctx, REQUEST)
    with monkeypatch.context() as full:
        full.setattr(Journal, "keep_list", unavailable)
        revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
        assert current_crl(issuer().file_name, 1, scene.ctx, REQUEST) == last
        scene.clock.forward(8 * DAY)
        with pytest.raises(JournalUnavailable):
            current_crl(issuer().file_name, 1, scene.ctx, REQUEST)
    new = x509.load_der_x509_crl(current_crl(issuer().file_name, 1, scene.ctx, REQUEST).der)
    assert [f"{entry.serial_number:038x}" for entry in new] == [held.serial]


def unavailable(_journal, *_what) -> None:
    why = "the disk is full for a test"
    raise JournalUnavailable(why)


def test_a_fetch_that_could_not_be_noted_is_noted_before_the_certificate_leaves(scene, monkeypatch):
    """The database has marked the retrieval by then.

    No request marks it again.
    """
    retrieval_id = accepted(enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST))
    with monkeypatch.context() as full:
        full.setattr(Journal, "_write", unavailable)
        for _ in range(2):
            assert refused(retrieve(get_ask(retrieval_id), scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    assert certificates(scene).get().state == CertificateState.RETRIEVED
    collected(scene, retrieval_id)
    assert kinds(scene) == ["begun", "issued", "fetched"]
    collected(scene, retrieval_id)
    assert compare(scene.ctx, scene.ctx.journal).written == 0


def test_a_fetch_that_ended_before_it_was_noted_is_noted_when_it_is_asked_for_again(scene):
    retrieval_id = accepted(enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST))
    with pytest.raises(KilledError):
        retrieve(get_ask(retrieval_id), scene.but(step=killed_at("14-fetched")).ctx, REQUEST)
    assert kinds(scene) == ["begun", "issued"]
    for _ in range(2):
        collected(scene, retrieval_id)
        assert kinds(scene) == ["begun", "issued", "fetched"]


@pytest.mark.parametrize("comes_back", [True, False], ids=["asked for again", "nobody comes back"])
def test_what_gave_way_to_a_renewal_that_ended_is_noted_with_it(scene, comes_back):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    with pytest.raises(KilledError):
        renew(renew_ask(held, key), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    before = kinds(scene)
    if comes_back:
        for _ in range(2):
            accepted(renew(renew_ask(held, key), scene.ctx, REQUEST))
    else:
        scene.machine.forward(RESERVATIONS_WAIT + SECOND)
        assert resolve_reservations(scene.ctx, REQUEST) == (1, 0)
    assert kinds(scene) == [*before, "revoked", "issued"]
    assert compare(scene.ctx, scene.ctx.journal).written == 0


# Reservations whose client does not come back.


def reserved(scene):
    """Leave a reservation behind, and return its request."""
    ask = new_ask(ordered(scene), new_key())
    with pytest.raises(KilledError):
        enrol(ask, scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    return ask


def test_a_reservation_is_finished_after_its_minute_on_the_machine_s_clock(scene):
    reserved(scene)
    scene.clock.forward(10 * RESERVATIONS_WAIT)
    scene.machine.forward(RESERVATIONS_WAIT)
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 0)
    scene.machine.forward(SECOND)
    assert resolve_reservations(scene.ctx, REQUEST) == (1, 0)
    assert certificates(scene).get().state == CertificateState.ISSUED
    assert kinds(scene) == ["begun", "issued"]
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 0)


def test_a_reservation_of_earlier_code_waits_by_the_office_s_clock(scene):
    reserved(scene)
    certificates(scene).update(reserved_machine_time=None)
    scene.machine.forward(RESERVATIONS_WAIT + SECOND)
    assert resolve_reservations(scene.ctx, REQUEST) == (1, 0)


def test_a_reservation_waits_for_its_signer(scene):
    reserved(scene)
    scene.machine.forward(2 * RESERVATIONS_WAIT)
    scene.signer.away = True
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 0)
    scene.signer.away = False
    assert resolve_reservations(scene.ctx, REQUEST) == (1, 0)


@pytest.mark.parametrize("of_the_old_one", [True, False], ids=["the old one is revoked", "it is revoked itself"])
def test_revocation_is_looked_at_again(scene, of_the_old_one):
    held = enrolled(scene)
    in_the_window(scene, held)
    with pytest.raises(KilledError):
        renew(renew_ask(held, new_key()), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    waiting = certificates(scene).get(predecessor__serial=held.serial).serial
    ask = RevocationRequest(held.serial if of_the_old_one else waiting, RevocationReason.CESSATION_OF_OPERATION)
    revoke(ask, scene.ctx, "operator", REQUEST)
    scene.machine.forward(2 * RESERVATIONS_WAIT)
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 0)
    row = certificates(scene).get(serial=waiting)
    assert row.sha256 is None
    assert row.revocation_reason == RevocationReason.CESSATION_OF_OPERATION


def closed(scene) -> None:
    close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)


def withdrawn(scene) -> None:
    withdraw(CUSTOMER_ID, Channel.WS, scene.ctx, "operator", REQUEST)


def garbled(scene) -> None:
    scene.signer.garbling = True


def expired(scene) -> None:
    scene.clock.now = certificates(scene).get().not_after + SECOND


@pytest.mark.parametrize("hindered", [closed, withdrawn, garbled, expired])
def test_what_cannot_be_finished_is_given_up_and_its_ids_come_back(scene, hindered):
    ask = reserved(scene)
    key, before = certificates(scene).get().key_id, scene.clock.now
    hindered(scene)
    scene.machine.forward(2 * RESERVATIONS_WAIT)
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 1)
    row = certificates(scene).get()
    assert (row.state, row.revoked_at) == (CertificateState.SUPERSEDED, None)
    assert models.Order.objects.using(scene.db.alias).get().state == OrderState.OPEN
    assert not models.UsedKey.objects.using(scene.db.alias).filter(pk=key).exists()
    assert refused(retrieve(get_ask(row.retrieval_id), scene.ctx, REQUEST)) is RejectionReason.SUPERSEDED
    assert compare(scene.ctx, scene.ctx.journal).agrees
    # The same request may be made anew.
    scene.clock.now, scene.signer.garbling = before, False
    if hindered is not closed:
        approve(CUSTOMER_ID, frozenset({Channel.WS}), scene.ctx, "operator", REQUEST)
        assert accepted(enrol(ask, scene.ctx, REQUEST)) != row.retrieval_id


def test_a_renewal_that_cannot_be_finished_may_be_made_anew(scene):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    with pytest.raises(KilledError):
        renew(renew_ask(held, key), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    scene.machine.forward(2 * RESERVATIONS_WAIT)
    withdrawn(scene)
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 1)
    approve(CUSTOMER_ID, frozenset({Channel.WS}), scene.ctx, "operator", REQUEST)
    accepted(renew(renew_ask(held, key), scene.ctx, REQUEST))


def test_two_nodes_settle_the_same_reservation_once(scene, monkeypatch):
    ask = reserved(scene)
    scene.machine.forward(2 * RESERVATIONS_WAIT)
    found = recovery.waiting_reservations(scene.db, scene.machine.now, scene.machine.now + DAY)
    accepted(enrol(ask, scene.ctx, REQUEST))
    monkeypatch.setattr(recovery, "waiting_reservations", lambda *_: found)
    withdrawn(scene)
    assert resolve_reservations(scene.ctx, REQUEST) == (1, 0), "what it found is answered by the row"
    stale = replace(
        found[0], lineage=replace(found[0].lineage, customer=replace(found[0].lineage.customer, open=False))
    )
    monkeypatch.setattr(recovery, "waiting_reservations", lambda *_: (stale,))
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 0)
    assert certificates(scene).get().state == CertificateState.ISSUED


def test_a_ca_of_another_instance_has_no_number_here(scene):
    one = issuer()
    current_crl(one.file_name, 1, scene.ctx, REQUEST)
    models.Crl.objects.using(scene.db.alias).all().delete()
    unknown = replace(one, file_name="SomethingElsev1")
    path = next(scene.ctx.journal.folder.glob("*.crl"))
    path.rename(path.with_name(path.name.replace(one.file_name, unknown.file_name)))
    other = scene.but(issuers={unknown.file_name: unknown})
    assert compare(other.ctx, other.ctx.journal).numbers == {}


def test_orders_of_the_backup_that_were_not_spent_stay_open(scene, tmp_path):
    ids = ordered(scene)
    backup = backed_up(scene.db, tmp_path)
    enrolled(scene)
    restored(scene.db, backup)
    reconciled(scene)
    accepted(enrol(new_ask(ids, new_key()), scene.ctx, REQUEST))


def test_the_list_of_a_ca_that_is_off_line_comes_back_from_beside_the_journal(scene):
    name = "SinettiRootTestCAv1"
    signing = scene.but(issuers={**scene.ctx.issuers, name: authority().issuer(name)})
    publish(name, signing.ctx, REQUEST, signing.ctx.now() + OFFLINE_LIFE)
    rows = models.Crl.objects.using(scene.db.alias).filter(authority_id=name)
    old = list(rows.values("shard", "number", "der"))
    publish(name, signing.ctx, REQUEST, signing.ctx.now() + OFFLINE_LIFE)
    newest = [current_crl(name, shard, signing.ctx, REQUEST) for shard in (0, 1)]
    scene = signing.but(offline=frozenset({name}), crl_cache={})
    for row in old:
        rows.filter(shard=row["shard"]).update(**row)
    models.CertificateAuthority.objects.using(scene.db.alias).filter(pk=name).update(crl_number=old[0]["number"])
    assert compare(scene.ctx, scene.ctx.journal).numbers == {name: newest[0].number}
    reconciled(scene)
    assert [current_crl(name, shard, scene.ctx, REQUEST).der for shard in (0, 1)] == [one.der for one in newest]
    assert recovery.crl_number(scene.db, name) == newest[0].number


class RefusingSigner(SwitchableSigner):
    """Signer with rules of its own that refuses every certificate."""

    def sign(self, key_name, octets, proof=None):
        del key_name, octets, proof
        sentence = "it begins more than a day ago"
        raise SignatureRefused(sentence)


def test_a_reservation_that_a_signer_refuses_for_good_is_given_up(scene):
    refusing = scene.but(signer=RefusingSigner(scene.signer.built))
    ids, key = ordered(scene), new_key()
    assert refused(enrol(new_ask(ids, key), refusing.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    scene.machine.forward(RESERVATIONS_WAIT + SECOND)
    assert resolve_reservations(refusing.ctx, REQUEST) == (0, 0), "a day's number may be the reason"
    scene.clock.forward(DAY + SECOND)
    assert resolve_reservations(refusing.ctx, REQUEST) == (0, 1)


def test_a_responder_that_cannot_sign_stops_no_certificate(scene):
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

    responders = {name: away(one) for name, one in scene.ctx.responders.items()}
    enrolled(scene.but(responders=responders))
