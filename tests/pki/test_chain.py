from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.hierarchy_builder import generate_hierarchy
from sinetti.gateway.x509.path_validation import is_understood
from sinetti.pki.chain import (
    anchors_of,
    build_chain,
    extension_value,
    find_issuer,
    is_valid_at,
    issuers_of,
    load_bundle,
    trusted_ways,
    ways_up,
)
from sinetti.pki.policy_oids import is_holder_certificate
from tests.gateway.material import certificate as made
from tests.support import golden
from tests.support.authority import NOW, authority, holder_certificate, holder_key, response_signer

BUILT = authority()
ROOT = BUILT.certificate("SinettiRootTestCAv1")
INTERMEDIATE = BUILT.certificate("SinettiIntermediateTestCAv1")
ISSUING = BUILT.certificate("DataProvidersTestIssuingCAv1")
SERVICES = BUILT.certificate("ServicesTestIssuingCAv1")
LEAF = holder_certificate(holder_key())
HOLDERS = load_bundle(BUILT.holders_bundle)
RESPONSES = load_bundle(BUILT.services_bundle)
NAMESAKE = generate_hierarchy(BUILT.hierarchy, NOW).certificate("DataProvidersTestIssuingCAv1")
ONE_SECOND = timedelta(seconds=1)


def anchor(*, key, identifier=None, ca=True, usage=None, constraints=True, broken=False):
    """Make a CA with the name and key of the issuing CA, different in one thing."""
    begin, end = NOW, NOW + timedelta(days=1)
    builder = x509.CertificateBuilder(ISSUING.subject, ISSUING.subject, key.public_key(), 1, begin, end)
    if constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    if identifier is not None:
        builder = builder.add_extension(x509.SubjectKeyIdentifier(identifier), critical=False)
    if broken:
        unreadable = x509.UnrecognizedExtension(x509.BasicConstraints.oid, b"\xff")
        builder = builder.add_extension(unreadable, critical=True)
    return builder.sign(key, hashes.SHA256())


KEY = BUILT.key("DataProvidersTestIssuingCAv1")
NO_SIGNING = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
ANCHORS = {
    "the issuing CA alone": ([ISSUING], ISSUING),
    "among others": (HOLDERS, ISSUING),
    "no anchors at all": ([], None),
    "only the CAs above": ([ROOT, INTERMEDIATE], None),
    "another CA beside it": ([SERVICES], None),
    "a namesake with another key": ([NAMESAKE], None),
    "the leaf itself": ([LEAF], None),
    "same name and key, no CA": ([anchor(key=KEY, ca=False)], None),
    "same name and key, no basicConstraints": ([anchor(key=KEY, constraints=False)], None),
    "same name and key, may not sign certificates": ([anchor(key=KEY, usage=NO_SIGNING)], None),
    "same name and key, another identifier": ([anchor(key=KEY, identifier=b"another")], None),
    "same name, unreadable extensions": ([anchor(key=KEY, constraints=False, broken=True)], None),
}


@pytest.mark.parametrize(("anchors", "expected"), ANCHORS.values(), ids=ANCHORS)
def test_who_issued_it_directly(anchors, expected):
    assert find_issuer(LEAF, anchors, NOW) == expected


def test_an_anchor_without_identifier_or_key_usage_counts_by_its_key():
    plain = anchor(key=KEY)
    assert find_issuer(LEAF, [plain], NOW) == plain


def test_a_namesake_without_identifier_fails_by_its_signature():
    assert find_issuer(LEAF, [anchor(key=holder_key(9))], NOW) is None


def test_a_leaf_without_identifier_counts_by_the_key():
    leaf = plain_leaf(hashes.SHA256())
    assert find_issuer(leaf, [ISSUING], NOW) == ISSUING


def test_a_leaf_signed_over_a_broken_hash_counts_for_nothing():
    assert find_issuer(plain_leaf(hashes.SHA224()), [ISSUING], NOW) is None


def test_a_leaf_with_an_unknown_signature_algorithm_counts_for_nothing():
    der = plain_leaf(hashes.SHA256()).public_bytes(Encoding.DER)
    for known, unknown in (("2a8648ce3d040302", "2a8648ce3d040309"), ("2a864886f70d01010b", "2a864886f70d01017b")):
        der = der.replace(bytes.fromhex(known), bytes.fromhex(unknown))
    assert find_issuer(x509.load_der_x509_certificate(der), [ISSUING], NOW) is None


def plain_leaf(chosen: hashes.HashAlgorithm) -> x509.Certificate:
    name = x509.Name([])
    builder = x509.CertificateBuilder(ISSUING.subject, name, holder_key().public_key(), 1, NOW, NOW + ONE_SECOND)
    return builder.sign(KEY, chosen)


INSTANTS = {
    "the anchor's first second": (ISSUING.not_valid_before_utc, True),
    "one second before it": (ISSUING.not_valid_before_utc - ONE_SECOND, False),
    "the anchor's last second": (ISSUING.not_valid_after_utc, True),
    "one second after it": (ISSUING.not_valid_after_utc + ONE_SECOND, False),
}


@pytest.mark.parametrize(("now", "counts"), INSTANTS.values(), ids=INSTANTS)
def test_the_anchor_itself_has_to_be_valid(now, counts):
    assert is_valid_at(ISSUING, now) is counts
    assert (find_issuer(LEAF, HOLDERS, now) == ISSUING) is counts


def test_an_answer_signed_by_a_holder_is_not_from_the_services():
    assert find_issuer(LEAF, RESPONSES, NOW) is None
    assert find_issuer(response_signer()[1], RESPONSES, NOW) == SERVICES
    assert find_issuer(response_signer()[1], HOLDERS, NOW) is None


CLIMBS = {
    "from the leaf": (LEAF, HOLDERS, (ISSUING, INTERMEDIATE)),
    "whatever the order": (LEAF, tuple(reversed(HOLDERS)), (ISSUING, INTERMEDIATE)),
    "as far as the bundle goes": (LEAF, (ISSUING, ROOT), (ISSUING,)),
    "nothing fits": (LEAF, RESPONSES[-1:], ()),
    "a root has nobody above it": (ROOT, HOLDERS, ()),
}


@pytest.mark.parametrize(("leaf", "bundle", "chain"), CLIMBS.values(), ids=CLIMBS)
def test_the_certificates_above(leaf, bundle, chain):
    assert build_chain(leaf, bundle) == chain


def test_names_that_cannot_be_read_issue_nothing():
    """The subject's CN claims to be UTF-8, and is not.

    The library reports this only when a caller asks for the name.
    """
    der = ISSUING.public_bytes(Encoding.DER)
    broken = x509.load_der_x509_certificate(der.replace(b"\x0c\x21Data P", b"\x0c\x21\xffata P"))
    assert find_issuer(LEAF, [broken], NOW) is None
    assert build_chain(LEAF, [broken]) == ()


def test_two_cas_that_certify_each_other_end_somewhere():
    """A loop in the bundle: the way up is cut, not followed for ever."""
    first, second = holder_key(11), holder_key(12)
    one, other = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("one", "other"))
    bundle = [cross(one, first, other, second), cross(other, second, one, first)]
    assert len(build_chain(bundle[0], bundle)) == 8


def cross(subject, subject_key, issuer, issuer_key):
    begin, end = NOW, NOW + timedelta(days=1)
    builder = x509.CertificateBuilder(issuer, subject, subject_key.public_key(), 1, begin, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


BROKEN_BUNDLES = {
    "empty": b"",
    "no PEM": b"junk",
    "one that cannot be read": BUILT.holders_bundle + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "DER": ROOT.public_bytes(Encoding.DER),
}


def test_a_broken_bundle_is_reported_in_words():
    attempts = {case: partial(load_bundle, pem) for case, pem in BROKEN_BUNDLES.items()}
    golden.check("sentences/key-files/bundles", {"en.txt": golden.refusals(attempts, ValueError)})


def test_extensions_are_read_or_absent_or_unreadable():
    assert extension_value(LEAF, x509.BasicConstraints) == x509.BasicConstraints(ca=False, path_length=None)
    assert extension_value(LEAF, x509.SubjectAlternativeName) is None
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
        extension_value(anchor(key=KEY, constraints=False, broken=True), x509.BasicConstraints)


def test_an_extension_that_stands_twice_is_unreadable():
    der = LEAF.public_bytes(Encoding.DER)
    usage, basic = bytes.fromhex("0603551d0f"), bytes.fromhex("0603551d13")
    twice = x509.load_der_x509_certificate(der.replace(usage, basic))
    with pytest.raises(ValueError, match="read"):
        extension_value(twice, x509.BasicConstraints)


def test_a_name_in_an_extension_that_cannot_be_read_is_unreadable():
    """A directoryName has a CN that is a BIT STRING.

    cryptography raises TypeError for every extension that is asked for.
    """
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x" * 20)])
    builder = x509.CertificateBuilder(name, name, holder_key().public_key(), 1, NOW, NOW + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DirectoryName(name)]), critical=False)
    der = builder.sign(holder_key(), hashes.SHA256()).public_bytes(Encoding.DER)
    before, _, after = der.rpartition(b"\x0c\x14" + b"x" * 20)
    strange = x509.load_der_x509_certificate(before + b"\x03\x14\x00" + b"x" * 19 + after)
    with pytest.raises(ValueError, match="read"):
        extension_value(strange, x509.BasicConstraints)
    assert not is_holder_certificate(strange)
    with pytest.raises(ValueError, match="read"):
        is_understood(strange)


def test_who_issued_it_is_found_whatever_the_day():
    """Dates are another question, asked afterwards."""
    old = anchor(key=KEY)
    assert issuers_of(LEAF, [ROOT, old, ISSUING, NAMESAKE]) == (old, ISSUING)
    assert issuers_of(LEAF, RESPONSES) == ()
    long_after = ISSUING.not_valid_after_utc + ONE_SECOND
    assert find_issuer(LEAF, HOLDERS, long_after) is None
    assert issuers_of(LEAF, HOLDERS) == (ISSUING,)


ROOTS = {name: made("Root", of=name) for name in ("Root", "Another")}
ABOVE, BELOW = made("Above", ("Root", "Root")), made("Below", ("Above", "Above"))
OLD_ROOT = made("Root", span=(NOW - timedelta(days=2), NOW - timedelta(days=1)))
NEW_WITH_OLD = made("Root", ("Root", "Root"), of="Another")
OLD_WITH_NEW = made("Root", ("Root", "Another"))
ONE_BY_TWO, TWO_BY_ONE = made("One", ("Two", "Two")), made("Two", ("One", "One"))
NO_CA = made("Root", put=[(x509.BasicConstraints(ca=False, path_length=None), True)])
WEAK = made("Above", ("Root", "Root"), hashing=hashes.SHA224())
FORGED = made("Root", ("Root", "Stranger"))
BUNDLES = {
    "a root alone": ([ROOTS["Root"]], [ROOTS["Root"]]),
    "root, intermediate and issuing": ([ROOTS["Root"], ABOVE, BELOW], [ROOTS["Root"]]),
    "in the other order": ([BELOW, ABOVE, ROOTS["Root"]], [ROOTS["Root"]]),
    "intermediate and issuing": ([ABOVE, BELOW], [ABOVE]),
    "issuing alone": ([BELOW], [BELOW]),
    "root and issuing, nothing between": ([ROOTS["Root"], BELOW], [ROOTS["Root"], BELOW]),
    "the same one twice": ([ABOVE, BELOW, ABOVE], [ABOVE]),
    "a root of the issuer's name, another key": ([ROOTS["Another"], ABOVE], [ROOTS["Another"], ABOVE]),
    "two roots of one name": ([*ROOTS.values(), ABOVE], [*ROOTS.values()]),
    "a root renewed with its key": ([ROOTS["Root"], OLD_ROOT, ABOVE], [ROOTS["Root"], OLD_ROOT]),
    "an issuer that has ended": ([OLD_ROOT, ABOVE], [OLD_ROOT]),
    "an issuer that is no CA": ([NO_CA, ABOVE], [NO_CA]),
    "new with old beside the old root": ([ROOTS["Root"], NEW_WITH_OLD], [ROOTS["Root"]]),
    "new with old alone": ([NEW_WITH_OLD], [NEW_WITH_OLD]),
    "new with old and old with new": ([NEW_WITH_OLD, OLD_WITH_NEW], []),
    "all four of a rollover": ([*ROOTS.values(), NEW_WITH_OLD, OLD_WITH_NEW], [*ROOTS.values()]),
    "two that certify each other": ([ONE_BY_TWO, TWO_BY_ONE], []),
    "one of two that certify each other": ([ONE_BY_TWO], [ONE_BY_TWO]),
    "self-issued, by a key that is not here": ([FORGED], [FORGED]),
    "self-issued, by a key that is not here, beside a root": ([FORGED, ROOTS["Root"]], [FORGED, ROOTS["Root"]]),
    "an issuer whose hash is not taken in chains": ([ROOTS["Root"], WEAK], [ROOTS["Root"]]),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("bundle", "anchors"), BUNDLES.values(), ids=BUNDLES)
def test_anchors_of_a_bundle(bundle, anchors):
    assert anchors_of(bundle) == tuple(anchors)


def test_a_name_that_cannot_be_read_takes_no_anchor_away():
    der = ISSUING.public_bytes(Encoding.DER)
    broken = x509.load_der_x509_certificate(der.replace(b"\x0c\x21Data P", b"\x0c\x21\xffata P"))
    assert set(anchors_of([broken, ROOT, INTERMEDIATE])) >= {ROOT}
    assert INTERMEDIATE not in anchors_of([broken, ROOT, INTERMEDIATE])


OURS = made("Leaf", ("Below", "Below"), put=[(x509.BasicConstraints(ca=False, path_length=None), True)])
SHORT = made("Root", put=[(x509.BasicConstraints(ca=True, path_length=0), True)])
CROSS = made("Above", ("Cross", "Cross"))
SELF_ISSUED = made("Above", ("Above", "Above"), of="Above, the next key")
LIMITED = made("Above", ("Root", "Root"), put=[(x509.BasicConstraints(ca=True, path_length=0), True)])
BELOW_NEXT = made(
    "Leaf", ("Above", "Above, the next key"), put=[(x509.BasicConstraints(ca=False, path_length=None), True)]
)
WAYS = {
    "root, intermediate and issuing": ([ROOTS["Root"], ABOVE, BELOW], OURS, [(BELOW, ABOVE, ROOTS["Root"])]),
    "in the other order": ([BELOW, ABOVE, ROOTS["Root"]], OURS, [(BELOW, ABOVE, ROOTS["Root"])]),
    "intermediate and issuing": ([ABOVE, BELOW], OURS, [(BELOW, ABOVE)]),
    "issuing alone": ([BELOW], OURS, [(BELOW,)]),
    "the issuing CA is not in the bundle": ([ROOTS["Root"], ABOVE], OURS, []),
    "a path length that does not hold": ([SHORT, ABOVE, BELOW], OURS, []),
    "a cross certificate beside the other": (
        [ROOTS["Root"], ABOVE, made("Cross"), CROSS, BELOW], OURS, [ROOTS["Root"].subject, made("Cross").subject],
    ),
    "an issuer that is no CA": ([NO_CA, ABOVE, BELOW], OURS, []),
    "an issuer whose hash is not taken": ([ROOTS["Root"], WEAK, BELOW], OURS, []),
    "two that certify each other": ([ONE_BY_TWO, TWO_BY_ONE], made("Leaf", ("One", "One")), []),
    "a self-issued CA does not count as one below": (
        [ROOTS["Root"], LIMITED, SELF_ISSUED], BELOW_NEXT, [(SELF_ISSUED, LIMITED, ROOTS["Root"])],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("bundle", "leaf", "ways"), WAYS.values(), ids=WAYS)
def test_ways_to_an_anchor(bundle, leaf, ways):
    found = trusted_ways(leaf, bundle)
    if ways and isinstance(ways[0], x509.Name):
        assert [way[-1].subject for way in found] == ways
    else:
        assert list(found) == ways


def test_of_a_ca_that_was_renewed_often_the_latest_certificates_count():
    ended = [made("Root", span=(NOW - timedelta(days=9), NOW - timedelta(days=one))) for one in range(1, 7)]
    found = trusted_ways(OURS, [*ended, ROOTS["Root"], ABOVE, BELOW])
    assert found[0] == (BELOW, ABOVE, ROOTS["Root"])
    spans = [(NOW - timedelta(days=9), NOW - timedelta(days=one)) for one in range(1, 5)]
    often = [made("Above", ("Root", "Root"), span=span) for span in spans]
    found = trusted_ways(OURS, [ROOTS["Root"], *often, ABOVE, BELOW])
    assert found[0] == (BELOW, ABOVE, ROOTS["Root"])


def test_an_issuers_name_that_cannot_be_read_is_another_name():
    der = ISSUING.public_bytes(Encoding.DER)
    (name,) = ISSUING.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    broken = x509.load_der_x509_certificate(der.replace(name.value.encode(), b"\xff" + name.value[1:].encode(), 1))
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
        _ = broken.issuer
    assert trusted_ways(LEAF, [broken]) == ((broken,),)


def test_ways_are_few_and_short_though_cas_certify_each_other_again_and_again():
    """Every CA issued every other, and one of them has a root above it."""
    asked = []

    def issued(issuer, below):
        asked.append((issuer, below))
        return issuer != "root" or below == 0

    ways = ways_up(["root"], range(20), issued, lambda _one: (0, 0))
    assert max(map(len, ways)) <= 7
    assert max(Counter(way[0] for way in ways).values()) == 4
    assert len(asked) == len(set(asked)) <= 21 * 20
    assert [*map(len, ways)] == sorted(map(len, ways))


def test_the_longest_way_has_seven_cas():
    ways = ways_up([0], range(1, 10), lambda issuer, below: below == issuer + 1, lambda one: (one, one + 1))
    assert [*map(len, ways)] == [1, 2, 3, 4, 5, 6, 7]


def test_only_cas_of_the_right_names_are_compared():
    """50 CAs that certify each other, in 2,450 certificates, stay cheap."""
    count = 50
    names = {(subject, issuer): (issuer, subject) for subject in range(count) for issuer in range(count)}
    asked = []

    def issued(issuer, below):
        asked.append((issuer, below))
        return issuer[0] == below[1]

    between = [one for one in names if one[0] != one[1]]
    ways = ways_up([(0, 0)], between, issued, names.__getitem__)
    assert len(ways) > count
    assert all(issuer[0] == below[1] for issuer, below in asked)
    assert len(asked) <= 4 * len(between)
