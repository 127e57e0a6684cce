"""RenewCertificate: the key in force requests the next one, refusals without cost."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sinetti.database import models
from sinetti.database.issuance import transactions
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import RenewRequest
from sinetti.domain.values import VALIDITY, Channel, KeyType, Language
from sinetti.pki.encoding import certificate_der, load_certificate
from sinetti.pki.key_policy import key_id
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.organisations.registration import approve, close, withdraw
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.pki.weak_numbers import with_a_prime_of
from tests.support.authority import CUSTOMER_ID, holder_certificate, holder_key
from tests.support.killed import once_at
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    Held,
    Scene,
    accepted,
    an_order,
    ca_certificate,
    collected,
    csr,
    enrolled,
    get_ask,
    held_by,
    in_the_window,
    new_ask,
    new_key,
    odd_csr,
    ordered,
    refused,
    renew_ask,
    renewed,
)

OTHER_CUSTOMER = "7654321-0"


def send(scene: Scene, ask: RenewRequest):
    return renew(ask, scene.ctx, REQUEST)


def certificates(scene: Scene):
    return models.Certificate.objects.using(scene.db.alias)


def kept_refusals(scene: Scene):
    rows = models.RejectedRequest.objects.using(scene.db.alias).order_by("at")
    return list(rows.values_list("reason", "operation", "at", "request_id"))


def live_renewals(scene: Scene, held: Held):
    rows = certificates(scene).filter(predecessor__serial=held.serial, revoked_at__isnull=True)
    return rows.exclude(state=CertificateState.SUPERSEDED)


@pytest.fixture
def held(scene) -> Held:
    """Return a retrieved certificate in its renewal window, 30 days before its end."""
    one = enrolled(scene)
    in_the_window(scene, one)
    return one


def test_type_and_lineage_are_carried_over_and_the_old_one_is_untouched(scene):
    old = enrolled(scene, Channel.SFTP)
    before = scene.certificate(old.serial)
    now = in_the_window(scene, old, 59 * DAY)
    new = renewed(scene, old)
    certificate = load_certificate(new.der)
    certificate.verify_directly_issued_by(ca_certificate(Channel.SFTP))
    assert certificate.public_key() == new.key.public_key()
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (now, now + VALIDITY)
    assert certificate.subject == load_certificate(old.der).subject
    after, row = scene.certificate(old.serial), scene.certificate(new.serial)
    assert row.predecessor == old.serial
    assert row.lineage.lineage_id == before.lineage.lineage_id
    assert replace(after, renewed_by=None, lineage=before.lineage) == before
    assert after.renewed_by == new.serial


def test_renewed_again_and_again(scene):
    """The test makes four certificates of one lineage.

    Two years later the CA itself would be too near its end.
    """
    held = enrolled(scene)
    for _ in range(3):
        in_the_window(scene, held, 60 * DAY)
        held = renewed(scene, held)
    assert certificates(scene).count() == 4
    assert len({row.lineage_id for row in certificates(scene).all()}) == 1


FLAWS = {
    "unknown signer": RejectionReason.SIGNER_UNKNOWN,
    "another customer": RejectionReason.CUSTOMER_MISMATCH,
    "revoked": RejectionReason.SIGNER_REVOKED,
    "unreadable request": RejectionReason.CSR_UNREADABLE,
    "key of a curve that is not taken": RejectionReason.KEY_NOT_ACCEPTED,
    "expired": RejectionReason.SIGNER_EXPIRED,
    "closed": RejectionReason.NOT_ENTITLED,
    "too early": RejectionReason.TOO_EARLY,
    "renewed": RejectionReason.ALREADY_RENEWED,
    "key known": RejectionReason.KEY_REUSED,
}


def flawed(scene: Scene, held: Held, flaws: list[str]) -> tuple[RenewRequest, object]:
    """Set up these flaws, and return the request and the key."""
    key = new_key()
    if "key of a curve that is not taken" in flaws:
        key = ec.generate_private_key(ec.SECP521R1())
    elif "key known" in flaws:
        key = held.key
    if "renewed" in flaws:
        renewed(scene, held)
    if "revoked" in flaws:
        revoke(RevocationRequest(held.serial, RevocationReason.UNSPECIFIED), scene.ctx, "operator", REQUEST)
    if "closed" in flaws:
        assert close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)
    if "expired" in flaws:
        in_the_window(scene, held, -SECOND)
    elif "too early" in flaws:
        in_the_window(scene, held, 60 * DAY + SECOND)
    signer = certificate_of_nobody() if "unknown signer" in flaws else held
    customer_id = OTHER_CUSTOMER if "another customer" in flaws else CUSTOMER_ID
    request = b"nonsense" if "unreadable request" in flaws else csr(key)
    return renew_ask(signer, request, customer_id), key


def certificate_of_nobody() -> bytes:
    """Return a certificate that our CA signed and that our database does not contain."""
    return certificate_der(holder_certificate(new_key()))


@pytest.mark.parametrize("alone", [False, True], ids=["and all later ones", "alone"])
@pytest.mark.parametrize("flaw", FLAWS)
def test_order_of_checks(scene, held, flaw, alone):
    flaws = [flaw] if alone else list(FLAWS)[list(FLAWS).index(flaw) :]
    ask, key = flawed(scene, held, flaws)
    issued = certificates(scene).count()
    answer = send(scene, ask)
    assert refused(answer) is FLAWS[flaw]
    proven = flaw != "unknown signer"
    assert answer.language is (Language.SV if proven else None)
    assert kept_refusals(scene) == ([(FLAWS[flaw], "renew", scene.clock.now, REQUEST)] if proven else [])
    assert certificates(scene).count() == issued
    if "key known" not in flaws:
        assert not transactions.known_keys(scene.db, [key_id(key.public_key())])


def test_the_same_key_again_is_answered_before_everything_that_follows(scene, held):
    key = new_key()
    first = accepted(send(scene, renew_ask(held, key)))
    close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)
    in_the_window(scene, held, -300 * DAY)
    assert accepted(send(scene, renew_ask(held, odd_csr(key)))) == first, "the key decides, not the request's octets"
    collected(scene, first)
    assert accepted(send(scene, renew_ask(held, key))) == first, "also once it is fetched"
    assert live_renewals(scene, held).count() == 1


def test_the_same_request_is_no_longer_answered_once_its_certificate_is_revoked(scene, held):
    new = renewed(scene, held)
    revoke(RevocationRequest(new.serial, RevocationReason.UNSPECIFIED), scene.ctx, "operator", REQUEST)
    assert refused(send(scene, renew_ask(held, new.key))) is RejectionReason.KEY_REUSED
    renewed(scene, held)  # the certificate in force may request another


INSTANTS = {
    "the second the window opens": (60 * DAY, None),
    "one second too early": (60 * DAY + SECOND, RejectionReason.TOO_EARLY),
    "the last valid second": (0 * DAY, None),
    "one second after the end": (-SECOND, RejectionReason.SIGNER_EXPIRED),
}


@pytest.mark.parametrize(("before_the_end", "refused_for"), INSTANTS.values(), ids=INSTANTS)
def test_the_window(scene, before_the_end, refused_for):
    held = enrolled(scene)
    in_the_window(scene, held, before_the_end)
    answer = send(scene, renew_ask(held, new_key()))
    if refused_for is None:
        accepted(answer)
    else:
        assert refused(answer) is refused_for


def test_too_early_says_when_and_the_same_request_is_accepted_then(scene, held):
    key, ends = new_key(), load_certificate(held.der).not_valid_after_utc
    in_the_window(scene, held, 61 * DAY)
    answer = send(scene, renew_ask(held, key))
    assert answer == Rejection(RejectionReason.TOO_EARLY, opens=ends - 60 * DAY, ended=ends, language=Language.SV)
    scene.clock.now = answer.opens
    renewed(scene, held, key)


def test_an_officer_may_open_the_window_earlier(scene):
    held = enrolled(scene)
    scene.clock.forward(10 * DAY)
    certificates(scene).filter(serial=held.serial).update(renewable_from=scene.clock.now)
    renewed(scene, held)


def test_the_old_one_works_to_its_end_and_cannot_renew_twice(scene, held):
    new = renewed(scene, held)
    assert refused(send(scene, renew_ask(held, new_key()))) is RejectionReason.ALREADY_RENEWED
    in_the_window(scene, held, -SECOND)
    assert refused(send(scene, renew_ask(held, new_key()))) is RejectionReason.SIGNER_EXPIRED
    in_the_window(scene, new)
    renewed(scene, new)


def test_a_refused_key_is_accepted_later(scene, held):
    key = new_key()
    withdraw(CUSTOMER_ID, Channel.WS, scene.ctx, "operator", REQUEST)
    assert refused(send(scene, renew_ask(held, key))) is RejectionReason.NOT_ENTITLED
    approve(CUSTOMER_ID, frozenset({Channel.WS}), scene.ctx, "operator", REQUEST)
    renewed(scene, held, key)


def test_one_channels_withdrawal_leaves_the_other_alone(scene, held):
    withdraw(CUSTOMER_ID, Channel.SFTP, scene.ctx, "operator", REQUEST)
    renewed(scene, held)


def test_a_certificate_that_is_not_fetched_yet_may_sign(scene):
    """A holder of the key has proven it; the certificate may have come another way."""
    key = new_key()
    accepted(enrol(new_ask(ordered(scene, an_order()), key), scene.ctx, REQUEST))
    row = certificates(scene).get()
    _, der = transactions.get_der(scene.db, scene.certificate(row.serial))
    scene.clock.now = row.renewable_from
    accepted(send(scene, renew_ask(der, new_key())))


# Renewals that their holder did not retrieve.


def test_made_again_with_another_key_three_times_and_not_a_fourth(scene, held):
    ids = [accepted(send(scene, renew_ask(held, new_key()))) for _ in range(4)]
    assert len(set(ids)) == 4
    assert refused(send(scene, renew_ask(held, new_key()))) is RejectionReason.ALREADY_RENEWED
    assert live_renewals(scene, held).get().retrieval_id == ids[-1]
    for old in ids[:-1]:
        answer = retrieve(get_ask(old), scene.ctx, REQUEST)
        assert answer == Rejection(RejectionReason.SUPERSEDED, language=Language.SV)
        row = certificates(scene).get(retrieval_id=old)
        assert (row.state, row.revocation_reason) == (CertificateState.SUPERSEDED, RevocationReason.SUPERSEDED)
        assert row.revoked_at == scene.clock.now
        assert row.first_fetched_at is None
    collected(scene, ids[-1])


def test_fetched_is_never_voided(scene, held):
    new = renewed(scene, held)
    assert refused(send(scene, renew_ask(held, new_key()))) is RejectionReason.ALREADY_RENEWED
    assert scene.certificate(new.serial).state is CertificateState.RETRIEVED
    assert not scene.certificate(new.serial).revoked


def test_the_key_of_a_voided_renewal_stays_known(scene, held):
    lost = new_key()
    accepted(send(scene, renew_ask(held, lost)))
    key = new_key()
    second = accepted(send(scene, renew_ask(held, key)))
    assert refused(send(scene, renew_ask(held, lost))) is RejectionReason.KEY_REUSED
    assert accepted(send(scene, renew_ask(held, key))) == second


def test_a_voided_certificate_is_no_signer(scene, held):
    key = new_key()
    accepted(send(scene, renew_ask(held, key)))
    row = live_renewals(scene, held).get()
    _, der = transactions.get_der(scene.db, scene.certificate(row.serial))
    accepted(send(scene, renew_ask(held, new_key())))
    assert refused(send(scene, renew_ask(der, new_key()))) is RejectionReason.SIGNER_REVOKED


def test_fetched_between_decision_and_voiding(scene, held):
    """The second renewal has decided to void the first.

    The holder retrieves the first at that moment, and keeps it.
    """
    key = new_key()
    first = accepted(send(scene, renew_ask(held, key)))
    fetching = scene.but(step=once_at("8-prepared", lambda: collected(scene, first)))
    answer = renew(renew_ask(held, new_key()), fetching.ctx, REQUEST)
    assert refused(answer) is RejectionReason.ALREADY_RENEWED
    assert held_by(scene, key, first).der == collected(scene, first)


def test_voided_between_look_up_and_fetching(scene, held):
    """The retrieval id of the first renewal was looked up.

    The second renewal voids the first at that moment, and it never leaves.
    """
    first = accepted(send(scene, renew_ask(held, new_key())))
    second = []
    again = once_at("13-found", lambda: second.append(accepted(send(scene, renew_ask(held, new_key())))))
    answer = retrieve(get_ask(first), scene.but(step=again).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SUPERSEDED
    collected(scene, second[0])


def test_a_key_with_a_prime_of_the_old_one_is_refused_and_another_is_taken(scene):
    """Both private keys could be computed from the two certificates."""
    key, other = holder_key(1, KeyType.RSA_2048), holder_key(2, KeyType.RSA_2048)
    old = held_by(scene, key, accepted(enrol(new_ask(ordered(scene), key), scene.ctx, REQUEST)))
    in_the_window(scene, old)
    assert refused(send(scene, renew_ask(old, with_a_prime_of(key, other)))) is RejectionReason.KEY_NOT_ACCEPTED
    accepted(send(scene, renew_ask(old, other)))


def test_the_address_of_the_caller_is_kept(scene):
    """New certificates and refusals after proof keep it once for each request; an unproven request leaves none."""
    kept = models.CallerAddress.objects.using(scene.db.alias)
    ctx, ids, key = replace(scene.ctx, caller="2001:db8::7"), ordered(scene), new_key()
    refused(enrol(replace(new_ask(ids, key), transfer_password="wrong"), ctx, "a" * 32))
    assert not kept.exists()
    held = held_by(scene, key, accepted(enrol(new_ask(ids, key), ctx, "b" * 32)))
    in_the_window(scene, held)
    refused(renew(renew_ask(held, key), ctx, "c" * 32))
    accepted(renew(renew_ask(held, new_key()), ctx, "d" * 32))
    assert set(kept.values_list("request_id", "address")) == {(name * 32, "2001:db8::7") for name in "bcd"}
