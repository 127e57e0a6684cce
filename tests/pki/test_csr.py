import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyPolicy, KeyType
from sinetti.pki.csr import LARGEST_REQUEST, RequestedKey, build_request, read_request
from sinetti.pki.key_policy import key_id
from tests.attacks import csrs
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, holder_key

EVERYTHING = KeyPolicy()
BENCH = KeyPolicy(small_exponent=True)
UNREADABLE = Rejection(RejectionReason.CSR_UNREADABLE)
NOT_ACCEPTED = Rejection(RejectionReason.KEY_NOT_ACCEPTED)
EC_KEY = holder_key()
GOOD = build_request(EC_KEY, CUSTOMER_ID, CUSTOMER_NAME)


def request(key=EC_KEY, hash_algorithm=None, subject=(), extensions=(), **how):
    """Make a request as a program in the field might."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(*one) for one in subject]))
    for one in extensions:
        builder = builder.add_extension(one, critical=False)
    return builder.sign(key, hash_algorithm or hashes.SHA256(), **how).public_bytes(Encoding.DER)


@pytest.mark.parametrize("kind", KeyType)
def test_a_request_of_our_own_is_read(kind):
    key = holder_key(1, kind)
    read = read_request(build_request(key, CUSTOMER_ID, CUSTOMER_NAME), EVERYTHING)
    assert isinstance(read, RequestedKey)
    assert read.public_key.public_numbers() == key.public_key().public_numbers()
    assert (read.key_id, read.key_type) == (key_id(key.public_key()), kind)


SUBJECTS = {
    "with a name": (CUSTOMER_NAME, ["0123456-7", "Sinisiipi Oy", "FI"]),
    "without a name": (None, ["0123456-7", "FI"]),
    "with an empty name": (" ", ["0123456-7", "FI"]),
    "with a name over 64 characters": ("n" * 100, ["0123456-7", "n" * 64, "FI"]),
}


@pytest.mark.parametrize(("name", "values"), SUBJECTS.values(), ids=SUBJECTS)
def test_the_subject_of_our_own_requests(name, values):
    subject = x509.load_der_x509_csr(build_request(EC_KEY, CUSTOMER_ID, name)).subject
    assert [one.value for one in subject] == values


E3_KEY = rsa.generate_private_key(3, 2048)
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
ODDITIES = {
    "an empty subject": (request(), EVERYTHING),
    "nonsense in the subject": (
        request(subject=[(NameOID.COMMON_NAME, "'; --"), (NameOID.EMAIL_ADDRESS, "x"), (NameOID.COMMON_NAME, "y")]),
        EVERYTHING,
    ),
    "SHA-512 and an extension request": (
        request(hash_algorithm=hashes.SHA512(), extensions=[x509.BasicConstraints(ca=True, path_length=None)]),
        EVERYTHING,
    ),
    "e=3 and SHA-512 where the policy takes it": (request(E3_KEY, hashes.SHA512()), BENCH),
    "RSA-PSS": (request(holder_key(1, KeyType.RSA_2048), rsa_padding=PSS), EVERYTHING),
}


@pytest.mark.parametrize(("der", "policy"), ODDITIES.values(), ids=ODDITIES)
def test_oddities_that_are_taken(der, policy):
    assert isinstance(read_request(der, policy), RequestedKey)


SHORT_KEY = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - the key that is refused
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()
ED25519_REQUEST = (
    x509.CertificateSigningRequestBuilder(x509.Name([])).sign(ED25519_KEY, None).public_bytes(Encoding.DER)
)
UNKNOWN_SIGNATURE = GOOD.replace(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040309"))
UNKNOWN_ALGORITHM = GOOD.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209"))
REFUSED = {
    "nothing": (b"", UNREADABLE),
    "junk": (b"\x30\x03\x02\x01\x00", UNREADABLE),
    "cut short": (GOOD[:-1], UNREADABLE),
    "trailing octets": (GOOD + b"\0", UNREADABLE),
    "PEM": (x509.load_der_x509_csr(GOOD).public_bytes(Encoding.PEM), UNREADABLE),
    "base64": (base64.b64encode(GOOD), UNREADABLE),
    "over the limit": (GOOD + bytes(LARGEST_REQUEST), UNREADABLE),
    "version 2": (GOOD.replace(b"\x02\x01\x00", b"\x02\x01\x01", 1), UNREADABLE),
    "its own signature broken": (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), UNREADABLE),
    "signed over a hash that is not taken": (request(hash_algorithm=hashes.SHA224()), UNREADABLE),
    "signed by an algorithm that is unknown": (UNKNOWN_SIGNATURE, UNREADABLE),
    "RSA of 1024 bits": (request(SHORT_KEY), NOT_ACCEPTED),
    "e=3 where the policy does not take it": (request(E3_KEY), NOT_ACCEPTED),
    "P-521": (request(ec.generate_private_key(ec.SECP521R1())), NOT_ACCEPTED),
    "Ed25519": (ED25519_REQUEST, NOT_ACCEPTED),
    "an algorithm that is unknown": (UNKNOWN_ALGORITHM, NOT_ACCEPTED),
}


@pytest.mark.parametrize(("der", "refusal"), REFUSED.values(), ids=REFUSED)
def test_refused_requests(der, refusal):
    assert read_request(der, EVERYTHING) == refusal


def test_a_point_off_the_curve_is_no_key():
    at = GOOD.index(b"\x03\x42\x00\x04") + 4
    assert read_request(GOOD[:at] + b"\xff" * 32 + GOOD[at + 32 :], EVERYTHING) == NOT_ACCEPTED


def test_a_curve_is_named_and_not_described():
    """The description of P-256 would do for the library.

    RFC 5480, 2.1.1, has names alone.
    """
    key, point = EC_KEY, csrs.point_of(EC_KEY)
    named, described = (
        csrs.signed(csrs.info(csrs.ec_key(point, one)), key) for one in (csrs.P256, csrs.explicit_p256())
    )
    assert isinstance(read_request(named, EVERYTHING), RequestedKey)
    assert read_request(described, EVERYTHING) == NOT_ACCEPTED


def test_the_key_is_looked_at_before_anything_is_verified_with_it():
    """A weak key in a request whose signature is broken too: the key is what counts."""
    der = request(SHORT_KEY)
    assert read_request(der[:-1] + bytes([der[-1] ^ 1]), EVERYTHING) == NOT_ACCEPTED


@given(st.binary(max_size=600))
def test_any_octets_are_answered(octets):
    assert isinstance(read_request(octets, BENCH), Rejection)


@given(st.data())
def test_any_change_to_a_good_request_is_answered(data):
    original = data.draw(st.sampled_from([GOOD, *(der for der, _ in ODDITIES.values())]))
    changed = bytearray(original)
    for at in data.draw(st.lists(st.integers(0, len(original) - 1), min_size=1, max_size=4)):
        changed[at] = data.draw(st.integers(0, 255))
    answer = read_request(bytes(changed), BENCH)
    assert isinstance(answer, (Rejection, RequestedKey))
