"""Paths to an anchor: found, rejected, and found within a bounded search.

No caller can make the search long.
"""

from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sinetti.ca.profiles import key_usage
from sinetti.gateway.x509 import path_validation
from sinetti.gateway.x509.path_validation import authority_of, build_paths, key_in_bounds, trust_store_of
from sinetti.pki.chain import load_bundle
from tests.gateway.material import certificate, leaf, name_of
from tests.gateway.x509.make_root_8192 import CA_KEY

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
POLICY = x509.PolicyConstraints(0, None)
NAMES = x509.NameConstraints([x509.DirectoryName(name_of("0123456-7"))], None)


def limited(length):
    return [(x509.BasicConstraints(ca=True, path_length=length), True)]


def found(anchors, below, helpers=()):
    return build_paths(below, trust_store_of(anchors), helpers)


def row(*names, put=None):
    """Return CAs, each issued by the one before it, the first by itself."""
    put = put or {}
    first = certificate(names[0], put=put.get(names[0], ()))
    return [
        first,
        *(certificate(name, (by, by), put=put.get(name, ())) for by, name in pairwise(names)),
    ]


NOT_CAS = {
    "no basicConstraints": {"leave": [x509.BasicConstraints]},
    "basicConstraints that says no": {"put": [(x509.BasicConstraints(ca=False, path_length=None), True)]},
    "a key that may sign lists alone": {"put": [(key_usage(crl_sign=True), True)]},
    "an unknown critical extension": {"put": [(UNKNOWN, True)]},
    "nameConstraints": {"put": [(NAMES, True)]},
    "nameConstraints, not critical": {"put": [(NAMES, False)]},
    "policyConstraints": {"put": [(POLICY, True)]},
    "inhibitAnyPolicy": {"put": [(x509.InhibitAnyPolicy(0), True)]},
    "RSA of 1024 bits": {"public": rsa.RSAPublicNumbers(65537, (1 << 1023) + 1).public_key()},
    "RSA with an exponent of 1024 bits": {"public": rsa.RSAPublicNumbers(2**1023 + 1, (1 << 2047) + 1).public_key()},
    "RSA of 16384 bits": {"public": rsa.RSAPublicNumbers(65537, (1 << 16383) + 1).public_key()},
    "Ed25519": {"public": ed25519.Ed25519PrivateKey.generate().public_key()},
    "P-224": {"public": ec.generate_private_key(ec.SECP224R1()).public_key()},
    "no name": {"subject": x509.Name([])},
}


@pytest.mark.parametrize("odd", NOT_CAS.values(), ids=NOT_CAS)
def test_what_issues_nothing(odd):
    assert authority_of(certificate("Root", **odd)) is None
    assert authority_of(certificate("Root")) is not None


def test_keys_of_cas():
    for good in (
        rsa.RSAPublicNumbers(65537, (1 << 2047) + 1),
        rsa.RSAPublicNumbers(3, (1 << 8191) + 1),
    ):
        assert key_in_bounds(good.public_key())
    assert key_in_bounds(ec.generate_private_key(ec.SECP521R1()).public_key())


LENGTHS = {
    "no limit": ({}, True),
    "as many as allowed": ({"Root": limited(2), "One": limited(1), "Two": limited(0)}, True),
    "one too many below the anchor": ({"Root": limited(1)}, False),
    "one too many further down": ({"One": limited(0)}, False),
    "no keyUsage at all": ({}, True),
}


@pytest.mark.parametrize(("put", "holds"), LENGTHS.values(), ids=LENGTHS)
def test_path_lengths(put, holds):
    root, one, two = row("Root", "One", "Two", put=put)
    assert bool(found([root], leaf(("Two", "Two")), [two, one])) is holds


def test_a_self_issued_certificate_does_not_count():
    root = certificate("Root")
    ca = certificate("CA", ("Root", "Root"), put=limited(0))
    again = certificate("CA", ("CA", "CA"), of="CA, the next key")
    assert found([root], leaf(("CA", "CA, the next key")), [ca, again])


def test_the_longest_path_and_one_more():
    names = [f"CA {number}" for number in range(8)]
    cas = row(*names)
    assert found(cas[:1], leaf(("CA 6", "CA 6")), cas[1:7])[0].above[-1].certificate == cas[0]
    assert not found(cas[:1], leaf(("CA 7", "CA 7")), cas[1:])
    assert found(cas[1:2], leaf(("CA 7", "CA 7")), cas[2:]), "a nearer anchor makes it shorter"


def test_an_anchor_ends_a_path_and_the_shortest_comes_first():
    root, one, two = row("Root", "One", "Two")
    again = certificate("Two")
    for anchors, helpers, lengths in (
        ([root, one, two], [one, two], [3]),
        ([root], [one, two], [3]),
        ([one, two], [], [2]),
        ([root, one, two, again], [], [1, 3]),
    ):
        assert [len(path.above) for path in found(anchors, leaf(("Two", "Two")), helpers)] == lengths


def test_a_cross_certified_ca_is_found_either_way():
    cross = certificate("CA", ("Other Root", "Other Root"))
    plain = certificate("CA", ("Root", "Root"))
    for root in ("Root", "Other Root"):
        (path,) = found([certificate(root)], leaf(("CA", "CA")), [plain, cross])
        assert path.above[-1].certificate.subject == name_of(root)


def test_the_signature_of_an_anchor_is_not_looked_at():
    """An issuing CA alone: who issued it is not there, and need not be."""
    ca = certificate("CA", ("Root", "Root"))
    assert found([ca], leaf(("CA", "CA")))


def test_key_identifiers_have_to_agree():
    stranger = x509.AuthorityKeyIdentifier(b"\x00" * 20, None, None)
    assert not found([certificate("CA")], leaf(("CA", "CA"), put=[(stranger, False)]))


def test_only_so_many_of_what_came_along_are_looked_at(monkeypatch):
    root, ca = row("Root", "CA")
    junk = [certificate(f"Junk {number}") for number in range(2)]
    monkeypatch.setattr(path_validation, "MOST_HELPERS", 2)
    assert not found([root], leaf(("CA", "CA")), [*junk, ca])
    assert found([root], leaf(("CA", "CA")), [junk[0], ca])


@pytest.mark.parametrize("bound", ["MOST_SIGNATURES", "MOST_STEPS"])
def test_a_maze_of_cas_ends(bound, monkeypatch):
    """Sixteen CAs have one name and one key, and each is issued by each.

    Every path leads on, none to the anchor.
    """
    maze = [certificate("Maze") for _ in range(16)]
    counted = []
    monkeypatch.setattr(path_validation, "is_signed_by", lambda *pair: counted.append(pair) or True)
    monkeypatch.setattr(path_validation, "MOST_STEPS" if bound == "MOST_SIGNATURES" else "MOST_SIGNATURES", 2_000)
    assert not found([certificate("Root")], leaf(("Maze", "Maze")), maze)
    assert len(counted) <= max(path_validation.MOST_SIGNATURES, path_validation.MOST_STEPS)


def test_only_so_many_paths_are_kept():
    anchors = [certificate("CA") for _ in range(6)]
    assert len(found(anchors, leaf(("CA", "CA")))) == path_validation.MOST_PATHS


def test_a_signature_of_another_kind_is_not_computed():
    ca = certificate("CA")
    assert not found([ca], leaf(("CA", "CA"), signed_by=ed25519.Ed25519PrivateKey.generate(), hashing=None))


def test_a_root_of_8192_bits_also_as_an_anchor():
    root, ca = load_bundle((Path(__file__).parent / "root-8192.pem").read_bytes())
    below = leaf(("CA below 8192", ""), signed_by=CA_KEY)
    assert root.public_key().key_size == 8192
    assert [len(path.above) for path in found([root], below, [ca])] == [2]
    assert found([ca], below)
    assert not found([root], below)
