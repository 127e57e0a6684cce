"""Parsing of a signing request (PKCS#10).

Any octets give an answer, and an accepted key has signed all of them.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from fuzz import der_changing, material, messages
from fuzz.target import Target, must
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyPolicy
from sinetti.pki.csr import LARGEST_REQUEST, RequestedKey, read_request
from sinetti.pki.key_policy import key_id

_POLICIES = (KeyPolicy(), KeyPolicy(small_exponent=True))
_HASHES = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())


def check(octets: bytes) -> None:
    """Read a signing request under each policy."""
    for policy in _POLICIES:
        answer = read_request(octets, policy)
        must(read_request(octets, policy) == answer or isinstance(answer, RequestedKey), "the answer is the same again")
        if isinstance(answer, Rejection):
            must(
                answer.reason in {RejectionReason.CSR_UNREADABLE, RejectionReason.KEY_NOT_ACCEPTED},
                "the reason is one of two",
            )
            continue
        must(der_changing.whole(octets) and len(octets) <= LARGEST_REQUEST, "there is nothing after its end")
        must(answer.key_type in policy.types, "its type is taken")
        must(any(_holds(octets, answer, one) for one in _HASHES), "the key signed it")
        _same_key(answer)


def _holds(octets: bytes, answer: RequestedKey, hashing: hashes.HashAlgorithm) -> bool:
    (outer,) = der_changing.parse(octets)
    # BIT STRING: first an octet that counts unused bits.
    signed, signature = outer.at(0).octets(), outer.at(2).inside()[1:]
    key = answer.public_key
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), hashing)
        else:
            key.verify(signature, signed, ec.ECDSA(hashing))
    except InvalidSignature:
        return False
    return True


def _same_key(answer: RequestedKey) -> None:
    """Check that the same key in another encoding has the same id."""
    encoded = answer.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    again = load_der_public_key(encoded)
    must(key_id(again) == answer.key_id, "a key has one id")


def _seeds() -> dict[str, bytes]:
    made = {kind: messages.signing_request(kind) for kind in material.KINDS}
    return made | {
        "longer": made["p256"] + b"\x00",
        "shorter": made["p256"][:-1],
        "pem": b"-----BEGIN CERTIFICATE REQUEST-----",
    }


TARGET = Target("signing-request", check, _seeds, der_changing.changing_and_signing("p256"), longest=12_000)
