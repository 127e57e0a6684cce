"""Keys in a token: a batch is signed in several sessions at once, as if one task came after the other."""

from pathlib import Path
from threading import Barrier

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from sinetti.authority.signer.renewals import MOST_RENEWALS
from sinetti.authority.signer.rules import SigningRules
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.domain.values import Serial
from sinetti.pki.encoding import certificate_der, verify
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation
from sinetti.pki.signers.token_keys import certificate_key
from tests.authority.signer import test_status
from tests.authority.signer.test_answers import signed_info
from tests.support.authority import NOW, holder_certificate, holder_key, leaf_plan, response_signer
from tests.support.signing import CA, RESPONSE_SIGNER, certificate_task, holder_tbs, keys, policy, renewal_proof

PLACE = TokenLocation(Path("/module"), "token", Path("/pin"))
OLD_KEY, NEW_KEY = holder_key(1), holder_key(2)
OLD = holder_certificate(OLD_KEY)
SERIAL = Serial("45" * 19)
HASHES = {32: hashes.SHA256(), 48: hashes.SHA384()}


class Token:
    """Token with keys in memory; a signature may wait for one in another session."""

    def __init__(self):
        self.meets, self.signed, self.away_after = None, 0, None

    def key(self, name, private):
        """Return a key of the token."""

        def sign_plain(_key, wanted, verifies):
            if self.meets is not None:
                self.meets.wait(60)
            if self.signed == self.away_after:
                message = "the token was removed"
                raise SignerUnavailable(message)
            self.signed += 1
            how = ec.ECDSA(Prehashed(HASHES[len(wanted.octets)]))
            size = (private.key_size + 7) // 8
            signature = b"".join(n.to_bytes(size) for n in decode_dss_signature(private.sign(wanted.octets, how)))
            assert verifies(signature)
            return signature

        return certificate_key(TokenKey(PLACE, b"1", name), private.public_key(), sign_plain)


@pytest.fixture
def token():
    return Token()


@pytest.fixture
def rules_in_token(store, token):
    def made(**changes):
        rules = SigningRules(policy(**changes), store, {**keys(), CA: token.key(CA, keys()[CA])})
        rules.add_key(test_status.KEY, token.key(test_status.KEY, test_status.RESPONDER.key))
        return rules

    return made


def order_of(number, **changes):
    key = holder_key(number)
    return certificate_task(holder_tbs(key, plan=leaf_plan(key.public_key()), **changes))


def renewal(proof):
    return certificate_task(holder_tbs(NEW_KEY), proof)


def test_two_sessions_sign_at_once_and_answers_after_their_certificates(rules_in_token, token):
    token.meets = Barrier(2)  # a signature alone would wait in vain
    tasks = []
    for number in (1, 2):
        serial = Serial(f"{number + 0x40:02x}" * 19)
        tasks += [test_status.task(test_status.data_of(serial=serial)), order_of(number, serial=serial)]
    results = rules_in_token().sign(tasks, NOW)
    assert not [one for one in results if isinstance(one, SignatureRefused)]
    assert token.signed == len(set(results)) == 4


def test_two_sessions_sign_answers_over_soap_at_once(store, token):
    key, certificate = response_signer()
    token.meets = Barrier(2)
    rules = SigningRules(policy(), store, {**keys(), RESPONSE_SIGNER: token.key(RESPONSE_SIGNER, key)})
    info = signed_info(key, certificate_der(certificate))
    tasks = [SigningTask(TaskKind.ANSWER, RESPONSE_SIGNER, octets) for octets in (info, info, b"<another/>")]
    *signed, refused = rules.sign(tasks, NOW)
    assert all(verify(key.public_key(), info, one) for one in signed)
    assert (token.signed, isinstance(refused, SignatureRefused)) == (2, True)


def test_the_same_octets_have_one_signature_and_others_with_their_serial_none(rules_in_token, token):
    task, other = order_of(1, serial=SERIAL), order_of(2, serial=SERIAL)
    first, second, third = rules_in_token().sign([task, task, other], NOW)
    assert (first, token.signed) == (second, 1)
    assert isinstance(third, SignatureRefused)


def test_renewals_of_one_certificate_are_counted_within_a_batch(rules_in_token):
    proof = renewal_proof(OLD_KEY, OLD, NEW_KEY)
    results = rules_in_token().sign([renewal(proof) for _ in range(MOST_RENEWALS + 2)], NOW)
    assert [isinstance(one, SignatureRefused) for one in results] == [False] * MOST_RENEWALS + [True] * 2


def test_orders_are_counted_within_a_batch(rules_in_token):
    rules = rules_in_token(orders_per_day=3)
    results = rules.sign([order_of(number) for number in range(1, 6)], NOW)
    assert [isinstance(one, SignatureRefused) for one in results] == [False] * 3 + [True] * 2
    assert rules.status(NOW).orders == 3


def test_nothing_is_recorded_if_the_token_is_removed(rules_in_token, token):
    rules, token.away_after = rules_in_token(), 1
    tasks = [order_of(1), order_of(2)]
    with pytest.raises(SignerUnavailable):
        rules.sign(tasks, NOW)
    assert rules.status(NOW).orders == 0
    token.away_after = None
    assert all(isinstance(one, bytes) for one in rules.sign(tasks, NOW))
    assert rules.status(NOW).orders == 2
