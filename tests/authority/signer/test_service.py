"""Signatures of the service over two years, which pass the signer's rules."""

import pytest

from sinetti.authority.signer.der import SEQUENCE, DerReader
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca import ocsp
from sinetti.ca.crl import read_list
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.pki.encoding import load_certificate
from sinetti.pki.signers import SignatureRefused
from sinetti.services import context
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import publish
from tests.support.scene import DAY, REQUEST, enrolled, in_the_window, renewed
from tests.support.signing import CA, one, reservation_of, reserved, rules_of

VERSION_2_OF_A_LIST = b"\x02\x01\x01"


class RulesSigner:
    """Signer of the service that asks the rules; `now` is the service's clock."""

    def __init__(self, rules, now):
        self.rules, self.now, self.kinds, self.responders = rules, now, [], {}

    def sign(self, key_name, octets, proof=None):
        kind = TaskKind.LIST if octets[: octets[1] % 0x80 + 5].endswith(VERSION_2_OF_A_LIST) else TaskKind.CERTIFICATE
        return self._signed(kind, key_name, octets, proof)

    def sign_status(self, key, octets):
        """Sign with a responder's key, which the rules get at its first use."""
        if key not in self.responders:
            self.responders[key] = f"{CA}_ocsp-{len(self.responders)}"
            self.rules.add_key(self.responders[key], key)
        return self._signed(TaskKind.STATUS, self.responders[key], octets)

    def _signed(self, kind, key_name, octets, proof=None):
        self.kinds.append(kind)
        if kind is TaskKind.CERTIFICATE and proof is None:
            proof = reserved(reservation_of(octets))
        return one(self.rules, SigningTask(kind, key_name, octets, proof), self.now())


@pytest.fixture
def signer(store, sqlite_scene, monkeypatch):
    found = RulesSigner(rules_of(store), sqlite_scene.clock)
    monkeypatch.setattr(ocsp, "sign", found.sign_status)
    monkeypatch.setattr(context, "sign", found.sign_status)
    return found


@pytest.fixture
def scene(sqlite_scene, signer):
    return sqlite_scene.but(signer=signer)


def revoked(scene, held):
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)


def listed(scene):
    return {entry.serial for entry in read_list(publish(CA, scene.ctx, REQUEST).der).entries}


def test_certificates_lists_and_responses_pass(scene, signer):
    first, second = enrolled(scene), enrolled(scene)
    revoked(scene, first)
    assert listed(scene) == {first.serial}
    in_the_window(scene, second)
    third = renewed(scene, second)
    revoked(scene, second)
    assert listed(scene) == {first.serial, second.serial}
    # One list follows the end of a certificate before its entry goes.
    scene.clock.now = load_certificate(second.der).not_valid_after_utc + DAY
    assert listed(scene) == {first.serial, second.serial}
    scene.clock.forward(DAY)
    assert listed(scene) == set()
    revoked(scene, third)
    assert listed(scene) == {third.serial}
    assert {TaskKind.CERTIFICATE, TaskKind.LIST, TaskKind.STATUS} == set(signer.kinds)


def test_a_revocation_does_not_wait_for_the_clock(scene):
    held = enrolled(scene)
    before = publish(CA, scene.ctx, REQUEST)
    later = scene.but(issuance_allowed=lambda: False)
    scene.clock.forward(30 * DAY)
    revoked(later, held)
    after = publish(CA, later.ctx, REQUEST)
    assert after.this_update == before.this_update
    assert listed(later) == {held.serial}


def test_a_service_that_forgets_a_revocation_signs_no_list(scene, signer):
    held = enrolled(scene)
    empty = publish(CA, scene.ctx, REQUEST)
    revoked(scene, held)
    assert listed(scene) == {held.serial}
    with pytest.raises(SignatureRefused, match=r"its number|lacks"):
        signer.sign(CA, DerReader(empty.der).inside(SEQUENCE).element(SEQUENCE))
