"""Harmful requests for certificates, through the SOAP endpoint.

A refusal uses up nothing.
"""

from dataclasses import dataclass, replace
from functools import partial

import pytest
from badkeys.checks import checkrsa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.database.connection import open_database
from sinetti.domain.values import KeyType
from sinetti.pki.encoding import load_certificate
from tests.api import messages
from tests.api.counter import opened_counter
from tests.api.drafts import new_draft, renew_draft
from tests.attacks import csrs
from tests.attacks.weak_keys import ODD, WEAK, odd, rsa_request, weak
from tests.pki.weak_numbers import with_a_prime_of
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, NOW, holder_key
from tests.support.registers import all_connections_closed, copied_file
from tests.support.scene import DAY, add_organisation, csr, enrolled, get_ask, new_key, opened_scene

OTHER_CUSTOMER = "7654321-0"
KEY = new_key()
POINT = csrs.point_of(KEY)
GOOD = csrs.signed(csrs.info(csrs.ec_key(POINT)), KEY)
INFO = csrs.info(csrs.ec_key(POINT))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Yield a SOAP endpoint with a database that all attacks share."""
    with copied_file(tmp_path_factory.mktemp("keys") / "register.sqlite3") as url, all_connections_closed():
        scene = opened_scene(open_database(url, alias="attacked-keys"))
        add_organisation(scene, OTHER_CUSTOMER)
        yield opened_counter(scene)


@pytest.fixture
def counter(shared):
    """Return the endpoint at the instant at which tests begin.

    Renewals move its clock.
    """
    shared.scene.clock.now = NOW
    return shared


@dataclass
class Attack:
    """An attacker that sends request after request.

    Each has the same right to an answer.
    """

    draft: object

    def sends(self, der):
        """Send a request for a certificate; return the answer."""
        values = self.draft.values | {"CertificateRequest": messages.base64_of(der)}
        document = messages.element(f"{self.draft.operation}Request", values)
        if self.draft.signer is not None:
            document = messages.signed(document, *self.draft.signer)
        return self.draft.counter.ask(messages.enveloped(document), {"accept-language": "en"})

    def gets(self, answer):
        """Retrieve the certificate of an accepted request."""
        assert answer.code is None, answer
        ask = get_ask(answer.retrieval_id)
        values = {"Environment": "TEST", "CustomerId": ask.customer_id, "RetrievalId": ask.retrieval_id}
        got = self.draft.counter.ask(messages.enveloped(messages.element("GetCertificateRequest", values)))
        return load_certificate(messages.base64.b64decode(got.certificate))


@pytest.fixture
def attack(counter):
    return Attack(new_draft(counter))


def altered(der, at, octet):
    return der[:at] + bytes([octet]) + der[at + 1 :]


def indefinite(der):
    """Write the outermost length in BER's indefinite form.

    It has no length, and two zero octets at the end.
    """
    return b"\x30\x80" + der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :] + b"\0\0"


def longer_length(der):
    """Write the outermost length in one octet more than necessary."""
    size = len(der) - 2 - (der[1] & 0x7F if der[1] & 0x80 else 0)
    return b"\x30\x83" + size.to_bytes(3, "big") + der[-size:]


def signed_otherwise(algorithm, digest):
    return csrs.tlv(0x30, INFO, bytes.fromhex(algorithm), csrs.tlv(3, b"\0", KEY.sign(INFO, ec.ECDSA(digest))))


UNREADABLE = {
    "its signature broken": altered(GOOD, len(GOOD) - 1, GOOD[-1] ^ 1),
    "its key exchanged": GOOD.replace(POINT, csrs.point_of(new_key())),
    "its subject changed": csrs.signed(csrs.info(csrs.ec_key(POINT), csrs.name(b"\x0c\x01A")), KEY).replace(
        b"\x0c\x01A", b"\x0c\x01B"
    ),
    "signed by another": csrs.signed(INFO, new_key()),
    "no signature": csrs.tlv(0x30, INFO, bytes.fromhex("300a06082a8648ce3d040302"), csrs.tlv(3, b"\0")),
    "a signature of r = s = 0": csrs.tlv(
        0x30, INFO, bytes.fromhex("300a06082a8648ce3d040302"), csrs.tlv(3, b"\0" + bytes.fromhex("3006020100020100"))
    ),
    "another algorithm than the key's": csrs.unsigned(INFO),
    "signed over SHA-1": signed_otherwise("300906072a8648ce3d0401", hashes.SHA1()),  # noqa: S303 - refused
    "signed over SHA-224": signed_otherwise("300a06082a8648ce3d040301", hashes.SHA224()),
    "signed over SHA-512, said to be SHA-256": signed_otherwise("300a06082a8648ce3d040302", hashes.SHA512()),
    "version 2": csrs.signed(csrs.info(csrs.ec_key(POINT), version=b"\x02\x01\x01"), KEY),
    "a version below 0": csrs.signed(csrs.info(csrs.ec_key(POINT), version=b"\x02\x01\xff"), KEY),
    "a PrintableString that is none": csrs.signed(
        csrs.info(csrs.ec_key(POINT), csrs.name(csrs.tlv(0x13, b"\xff@*"))), KEY
    ),
    "half a BMPString": csrs.signed(csrs.info(csrs.ec_key(POINT), csrs.name(csrs.tlv(0x1E, b"abc"))), KEY),
    "a trailing octet": GOOD + b"\0",
    "a second request behind it": GOOD + GOOD,
    "a line end behind it": GOOD + b"\n",
    "a trailing octet within": csrs.tlv(0x30, GOOD[3:], b"\0"),
    "BER without a length": indefinite(GOOD),
    "BER with a longer length": longer_length(GOOD),
    "a PEM text": x509.load_der_x509_csr(GOOD).public_bytes(Encoding.PEM),
    "base64 once more": messages.base64_of(GOOD).encode(),
    "a PEM text's base64 alone": messages.base64_of(x509.load_der_x509_csr(GOOD).public_bytes(Encoding.PEM)).encode(),
    "a key alone": csrs.ec_key(POINT),
    "what is signed alone": INFO,
    "nested a thousand times": b"\x30\x80" * 1000,
    "a length of 4 GB": b"\x30\x84\xff\xff\xff\xff" + GOOD[3:],
}
OTHER_CURVES = {
    "P-224": ec.SECP224R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
}


def off(x, y):
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


X, Y = int.from_bytes(POINT[1:33], "big"), int.from_bytes(POINT[33:], "big")
POINTS = {
    "a point off the curve": off(X, Y ^ 1),
    "the point 0, 0": off(0, 0),
    "infinity": b"\0",
    "infinity, written out": b"\0" * 65,
    "a coordinate above the prime": off(X + csrs.P, Y) if X + csrs.P < 2**256 else off(csrs.P, Y),
    "a point too short": POINT[:-1],
    "a point too long": POINT + b"\0",
    "a form of no name": b"\x05" + POINT[1:],
    "a compressed point that is none": b"\x02" + b"\xff" * 32,
    "nothing": b"",
}


def other_curve(curve):
    key = ec.generate_private_key(curve)
    return x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def edwards(key):
    return x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, None).public_bytes(Encoding.DER)


def another_generator():
    """Describe P-256 with another generator (CVE-2020-0601).

    With that generator the attacker's private key is 1.
    """
    generator = csrs.tlv(0x04, csrs.point_of(ec.derive_private_key(1, ec.SECP256R1())))
    return csrs.explicit_p256().replace(generator, csrs.tlv(0x04, POINT))


NOT_ACCEPTED = {
    **{what: partial(rsa_request, what) for what in (*WEAK, *ODD)},
    **{what: csrs.signed(csrs.info(csrs.ec_key(point)), KEY) for what, point in POINTS.items()},
    **{what: other_curve(curve) for what, curve in OTHER_CURVES.items()},
    "P-256 described": csrs.signed(csrs.info(csrs.ec_key(POINT, csrs.explicit_p256())), KEY),
    "P-256 described with another generator": csrs.signed(csrs.info(csrs.ec_key(POINT, another_generator())), KEY),
    "a curve that is not said": csrs.signed(csrs.info(csrs.ec_key(POINT, csrs.NULL)), KEY),
    "Ed25519": edwards(ed25519.Ed25519PrivateKey.generate()),
    "Ed448": edwards(ed448.Ed448PrivateKey.generate()),
}


def test_what_is_not_wrong_is_taken(attack):
    assert attack.gets(attack.sends(csrs.signed(INFO, KEY))).public_key() == KEY.public_key()


REFUSED = {
    **{what: ("PKI010", der) for what, der in UNREADABLE.items()},
    **{what: ("PKI011", der) for what, der in NOT_ACCEPTED.items()},
}


def octets(der):
    """Return the octets of a request, which may still have to be made."""
    return der if isinstance(der, bytes) else der()


@pytest.mark.parametrize(("code", "der"), REFUSED.values(), ids=REFUSED)
def test_refused_and_nothing_is_used_up(code, der, attack):
    answer = attack.sends(octets(der))
    assert answer.code == code
    assert not answer.retrieval_id
    assert attack.sends(csr(new_key())).code is None, "with the same transfer ids"


def test_refused_in_a_renewal_and_nothing_is_used_up(counter):
    """All requests use one certificate, which may still be renewed afterwards."""
    attack = Attack(renew_draft(counter))
    assert {what: attack.sends(octets(der)).code for what, (_, der) in REFUSED.items()} == {
        what: code for what, (code, _) in REFUSED.items()
    }
    attack.gets(attack.sends(csr(new_key())))


@pytest.mark.parametrize("what", WEAK)
def test_weak_keys_are_weak(what):
    """An independent program judges them as weak.

    Their size is not the reason of their refusal.
    """
    modulus, exponent, called = weak()[what]
    assert checkrsa(modulus, exponent, checks=[called])
    assert modulus.bit_length() == 2048 or called == "rsawarnings"


def test_every_weak_key_is_there():
    assert (set(WEAK), set(ODD)) == (set(weak()), set(odd()))


def test_the_judge_finds_nothing_in_sound_keys():
    found = ("fermat", "roca", "rsainvalid", "rsapoly", "smalld", "smallfactors", "rsawarnings", "rsabias")
    assert not checkrsa(odd()["an exponent of 17"][0], 65_537, checks=found)


def spellings():
    """Return one key in each notation: the made form and the sent form."""
    numbers = holder_key(9, KeyType.RSA_2048).private_numbers()
    modulus, exponent = numbers.public_numbers.n, numbers.public_numbers.e
    other = pow(65_539, -1, (numbers.p - 1) * (numbers.q - 1))

    def rsa(key, private=numbers.d):
        return csrs.signed_with_numbers(csrs.info(key), modulus, private)

    as_it_is, three = csrs.integer(modulus), csrs.integer(exponent)
    return {
        "as it is": rsa(csrs.rsa_key(as_it_is, three)),
        "under the name of PSS": rsa(csrs.rsa_key(as_it_is, three, csrs.RSA_PSS)),
        "without NULL": rsa(csrs.rsa_key(as_it_is, three, csrs.RSA)),
        "with another exponent": rsa(csrs.rsa_key(as_it_is, csrs.integer(65_539)), other),
        "with a longer exponent": rsa(csrs.rsa_key(as_it_is, csrs.tlv(2, b"\0" + exponent.to_bytes(3, "big")))),
        "with zeros before": rsa(csrs.rsa_key(csrs.tlv(2, b"\0\0" + modulus.to_bytes(256, "big")), three)),
    }


def points():
    """Return an EC key in each form of its point."""
    key = holder_key(9)
    plain = csrs.point_of(key)
    forms = {
        "as it is": plain,
        "compressed": csrs.point_of(key, PublicFormat.CompressedPoint),
        "hybrid": bytes([6 | plain[-1] & 1]) + plain[1:],
    }
    return {what: csrs.signed(csrs.info(csrs.ec_key(point)), key) for what, point in forms.items()}


@pytest.mark.parametrize("written", [spellings, points], ids=["RSA", "EC"])
def test_a_key_is_one_key_however_it_is_written(written, counter):
    first, *others = written().values()
    renewal, stranger, owner = (Attack(draft(counter)) for draft in (renew_draft, new_draft, new_draft))
    certificate = owner.gets(owner.sends(first))
    for der in others:
        for one in (stranger, renewal):
            # DER has one form of a number (X.690, 8.3.2). Octets that are not DER are no key.
            assert one.sends(der).code in {"PKI011", "PKI012"}
        answer = owner.sends(der)
        assert answer.code == "PKI011" or owner.gets(answer) == certificate, "the same request, answered again"
    for one in (stranger, renewal):
        assert one.sends(first).code == "PKI012"
        one.gets(one.sends(csr(new_key())))


def test_a_key_with_a_prime_of_the_one_that_it_follows(counter):
    key, other = holder_key(1, KeyType.RSA_2048), holder_key(9, KeyType.RSA_2048)
    draft, first = renew_draft(counter), Attack(new_draft(counter))
    certificate = first.gets(first.sends(csr(key)))
    counter.scene.clock.now = certificate.not_valid_after_utc - DAY
    renewal = Attack(replace(draft, signer=(key, certificate.public_bytes(Encoding.DER))))
    assert renewal.sends(csr(with_a_prime_of(key, other))).code == "PKI011"
    renewal.gets(renewal.sends(csr(new_key())))


def test_the_key_of_another_customers_certificate(counter):
    theirs = enrolled(counter.scene, customer_id=OTHER_CUSTOMER)
    for one in [Attack(draft(counter)) for draft in (renew_draft, new_draft)]:
        assert one.sends(csr(theirs.key)).code == "PKI012"
        one.gets(one.sends(csr(new_key())))


HOSTILE = b"evil"
"""Text in every hostile field and in no certificate."""

SUBJECTS = {
    "a NUL": csrs.name(csrs.tlv(12, b"0123456-7\0.evil.example")),
    "9,000 characters": csrs.name(csrs.tlv(12, HOSTILE * 2250)),
    "from right to left": csrs.name(csrs.tlv(12, "\u202eevil\u2066".encode())),
    "a script": csrs.name(csrs.tlv(12, b"<script>evil()</script>")),
    "SQL": csrs.name(csrs.tlv(12, b"'; DROP TABLE evil; --")),
    "a line end and a header": csrs.name(csrs.tlv(12, b"a\r\nSubject: evil")),
    "no UTF-8": csrs.name(csrs.tlv(12, HOSTILE + b"\xff\xfe")),
    "TeletexString": csrs.name(csrs.tlv(0x14, HOSTILE + b"\x1b$B")),
    "300 names": csrs.name(*[csrs.tlv(12, HOSTILE)] * 300),
    "another customer's": csrs.name(csrs.tlv(12, OTHER_CUSTOMER.encode())),
}
EXTENSIONS = {
    "a CA": "30120603551d130101ff040830060101ff020100",
    "signing certificates": "300e0603551d0f0101ff04040302010e",
    "any purpose": "30130603551d25040c300a06082b06010505070301",
    "another name": "30170603551d110410300e820c" + b"evil.example".hex(),
    "a critical one of nobody": "300f06032a03040101ff04056576696c21",
    "garbage in a known one": "300d0603551d1304066576696cffff",
}


def fields(certificate):
    return certificate.subject, [(one.oid, one.critical) for one in certificate.extensions]


@pytest.mark.parametrize(
    "inside",
    [
        *(csrs.info(csrs.ec_key(POINT), subject) for subject in SUBJECTS.values()),
        *(csrs.info(csrs.ec_key(POINT), attributes=csrs.asks_for(bytes.fromhex(one))) for one in EXTENSIONS.values()),
        csrs.info(csrs.ec_key(POINT), attributes=csrs.asks_for(*map(bytes.fromhex, EXTENSIONS.values()))),
        csrs.info(csrs.ec_key(POINT), attributes=csrs.asks_for(bytes.fromhex(EXTENSIONS["a CA"])) * 2),
    ],
    ids=[*SUBJECTS, *EXTENSIONS, "all of it", "a CA, asked for twice"],
)
def test_no_field_reaches_the_certificate(inside, attack):
    key = new_key()
    der = csrs.signed(inside.replace(POINT, csrs.point_of(key)), key)
    certificate = attack.gets(attack.sends(der))
    usual = Attack(new_draft(attack.draft.counter))
    subject, extensions = fields(usual.gets(usual.sends(csr(new_key()))))
    assert certificate.public_key() == key.public_key()
    mine, others = (
        [one for one in name if one.oid != x509.NameOID.SERIAL_NUMBER] for name in (certificate.subject, subject)
    )
    assert mine == others
    assert [one.value for one in mine] == [CUSTOMER_ID, CUSTOMER_NAME, "FI"]
    assert fields(certificate)[1] == extensions
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    octets = certificate.public_bytes(Encoding.DER)
    assert HOSTILE not in octets
    assert OTHER_CUSTOMER.encode() not in octets


def test_a_request_larger_than_the_schema_has_it_is_no_request(attack):
    """A name of 64 kB exceeds the 10,240 octets of a request."""
    der = csrs.signed(csrs.info(csrs.ec_key(POINT), csrs.name(csrs.tlv(12, b"x" * 65_536))), KEY)
    assert attack.sends(der).code == "PKI001"
    assert attack.sends(csr(new_key())).code is None
