"""Renewals: the signer checks the old key's signature itself."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.authority.signer import canonical_xml, certificates, renewals
from sinetti.authority.signer.lists import adopt
from sinetti.authority.signer.renewals import MOST_RENEWALS
from sinetti.authority.signer.store import AdoptedCertificate
from sinetti.ca.profiles import encode_tlv
from sinetti.domain.values import Channel, Environment, KeyType
from sinetti.pki.encoding import load_certificate, sign
from sinetti.pki.signers import SignatureRefused
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig import algorithms, parser
from sinetti.wire.xmldsig.signature import SignatureProfile
from tests.support import golden, xml_signing
from tests.support.authority import LINEAGE, NOW, holder_certificate, holder_key, issue, issuer, leaf_plan
from tests.support.signing import CA, certificate_task, der_of, holder_tbs, one, proof_in, renewal_proof, rules_of
from tests.wire.xmldsig.test_signature import ACCEPTED, REFUSED

OLD_KEY, NEW_KEY, OTHER_KEY = holder_key(1), holder_key(2), holder_key(3)
OLD = holder_certificate(OLD_KEY)
VECTORS = Path(__file__).parents[2] / "vectors" / "canonical"


def renewal(proof, **changes):
    return certificate_task(holder_tbs(NEW_KEY, **changes), proof)


@pytest.mark.parametrize("recipe", SignatureProfile)
@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P256, KeyType.EC_P384])
def test_each_key_and_profile_of_a_client_proves_a_renewal(rules, kind, recipe):
    key = holder_key(1, kind)
    proof = renewal_proof(key, holder_certificate(key), NEW_KEY, recipe=recipe)
    assert one(rules, renewal(proof))
    assert rules.status(NOW).orders == 0


def test_a_certificate_that_was_signed_here_needs_no_verification_of_its_ca(rules, monkeypatch):
    tbs = holder_tbs(OLD_KEY)
    signature = one(rules, certificate_task(tbs))
    old = load_certificate(encode_tlv(0x30, tbs, _algorithm(OLD), encode_tlv(0x03, b"\0", signature)))
    monkeypatch.setattr(certificates, "verify", lambda *_: pytest.fail("the CA's signature is verified"))
    assert one(rules, renewal(renewal_proof(OLD_KEY, old, NEW_KEY)))


def test_an_adopted_certificate_needs_none_either(rules, store, monkeypatch):
    digest = renewals.hashlib.sha256(OLD.tbs_certificate_bytes).digest()
    serial = OLD.serial_number.to_bytes(19)
    adopt(store, [AdoptedCertificate(CA, serial, OLD.not_valid_after_utc, digest)], [], None)
    monkeypatch.setattr(certificates, "verify", lambda *_: pytest.fail("the CA's signature is verified"))
    assert one(rules, renewal(renewal_proof(OLD_KEY, OLD, NEW_KEY)))


def test_one_certificate_is_renewed_four_times(rules):
    proof = renewal_proof(OLD_KEY, OLD, NEW_KEY)
    for _ in range(MOST_RENEWALS):
        assert one(rules, renewal(proof))
    with pytest.raises(SignatureRefused, match=" 4 "):
        one(rules, renewal(proof))


def test_a_second_form_of_its_signature_gives_no_more_renewals(rules):
    """A signature by ECDSA stays valid with s taken from the order of the curve."""
    one(rules, renewal(renewal_proof(OLD_KEY, OLD, NEW_KEY)))
    r, s = xml_signing.decode_dss_signature(OLD.signature)
    order = {
        "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        "secp384r1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    }[issuer().certificate.public_key().curve.name]
    plain = renewals.encode_dss_signature(r, order - s)
    twin = load_certificate(
        encode_tlv(0x30, OLD.tbs_certificate_bytes, _algorithm(OLD), encode_tlv(0x03, b"\0", plain))
    )
    for _ in range(MOST_RENEWALS - 1):
        assert one(rules, renewal(renewal_proof(OLD_KEY, twin, NEW_KEY)))
    with pytest.raises(SignatureRefused, match=" 4 "):
        one(rules, renewal(renewal_proof(OLD_KEY, twin, NEW_KEY)))


def _algorithm(certificate):
    der, tbs = der_of(certificate), certificate.tbs_certificate_bytes
    rest = der[der.index(tbs) + len(tbs) :]
    return rest[: 2 + rest[1]]


@pytest.mark.parametrize(
    ("changes", "orders"),
    [({}, 0), ({"organisation": "Another Bank Oy"}, 1)],
    ids=["the same name", "another name"],
)
def test_a_renewal_under_another_name_counts_as_an_order(rules, changes, orders):
    assert one(rules, renewal(renewal_proof(OLD_KEY, OLD, NEW_KEY), **changes))
    assert rules.status(NOW).orders == orders


def test_a_renewal_under_another_name_is_refused_at_the_daily_number(store):
    limited = rules_of(store, orders_per_day=1)
    one(limited, certificate_task(holder_tbs(OTHER_KEY)))
    with pytest.raises(SignatureRefused, match="limit"):
        one(limited, renewal(renewal_proof(OLD_KEY, OLD, NEW_KEY), organisation="Another Bank Oy"))
    assert one(limited, renewal(renewal_proof(OLD_KEY, OLD, NEW_KEY)))


def test_a_finished_renewal_is_not_counted_again(rules):
    task = renewal(renewal_proof(OLD_KEY, OLD, NEW_KEY))
    assert len({one(rules, task) for _ in range(MOST_RENEWALS + 2)}) == 1
    assert one(rules, certificate_task(task.octets)) == one(rules, task)
    assert rules.status(NOW).orders == 0


PROOF = renewal_proof(OLD_KEY, OLD, NEW_KEY)
FORGED = issue(leaf_plan(OLD_KEY.public_key()), issuer())
SELF_MADE = encode_tlv(
    0x30,
    FORGED.tbs_certificate_bytes,
    _algorithm(FORGED),
    encode_tlv(0x03, b"\0", sign(OTHER_KEY, FORGED.tbs_certificate_bytes)),
)


def other_holder(**changes):
    return issue(replace(leaf_plan(OLD_KEY.public_key()), **changes), issuer())


REFUSALS = {
    "a certificate of another customer": renewal_proof(OLD_KEY, other_holder(customer_id="7654321-0"), NEW_KEY),
    "a certificate of another lineage": renewal_proof(OLD_KEY, other_holder(subject_serial=LINEAGE[::-1]), NEW_KEY),
    "a certificate of another channel": renewal_proof(
        OLD_KEY, holder_certificate(OLD_KEY, channel=Channel.SFTP), NEW_KEY
    ),
    "a certificate that no CA signed": replace(PROOF, certificate=SELF_MADE),
    "a certificate with an octet more": replace(PROOF, certificate=der_of(OLD) + b"\0"),
    "a certificate of 16 KiB": replace(PROOF, certificate=bytes(16_385)),
    "a request for another customer": renewal_proof(OLD_KEY, OLD, NEW_KEY, customer_id="7654321-0"),
    "a request for another environment": renewal_proof(OLD_KEY, OLD, NEW_KEY, environment=Environment.PRODUCTION),
    "a request for another key": renewal_proof(OLD_KEY, OLD, OTHER_KEY),
    "the signature of another key": renewal_proof(OTHER_KEY, OLD, NEW_KEY),
    "another request than the signed one": replace(PROOF, digested=renewal_proof(OLD_KEY, OLD, OTHER_KEY).digested),
    "a signature of another length": replace(PROOF, signature=PROOF.signature + b"\0"),
    "no signature": replace(PROOF, signature=b""),
}


def test_is_not_proven(rules, store):
    attempts = {name: partial(one, rules, renewal(proof)) for name, proof in REFUSALS.items()}
    said = golden.refusals(attempts, SignatureRefused, SIZE=len(der_of(OLD)))
    golden.check("sentences/signer-certificates/renewals", {"en.txt": said})
    with store.transaction():
        assert store.find_signed(CA, OLD.serial_number.to_bytes(19)) is None
    assert rules.status(NOW).orders == 0


def test_an_expired_certificate_renews_nothing(store):
    rules, end = rules_of(store), OLD.not_valid_after_utc
    late = leaf_plan(NEW_KEY.public_key(), begins=end, life=timedelta(days=1))
    task = certificate_task(holder_tbs(NEW_KEY, plan=late), PROOF)
    with pytest.raises(SignatureRefused, match="valid"):
        one(rules, task, end + timedelta(seconds=1))
    assert one(rules, task, end)


def test_a_revoked_certificate_renews_nothing(rules, store):
    serial = OLD.serial_number.to_bytes(19)
    with store.transaction():
        store.insert_revoked(CA, [serial])
    with pytest.raises(SignatureRefused, match="revoked"):
        one(rules, renewal(PROOF))


def test_a_key_in_another_encoding_is_the_same_key():
    point = NEW_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
    spki = encode_tlv(0x30, algorithm, encode_tlv(0x03, b"\0", point))
    info = encode_tlv(0x30, b"\x02\x01\x00", b"\x30\x00", spki, b"\xa0\x00")
    request = encode_tlv(0x30, info, b"\x30\x00", b"\x03\x01\x00")
    asked = canonical_xml.RenewalRequestForm("TEST", "0123456-7", request)
    own = NEW_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    subject = renewals.HolderSubject("0123456-7", LINEAGE, "Sinisiipi Oy", "FI")
    renewals.check_request(asked, subject, own, Environment.TEST)


DOCUMENT = (
    f'<c:RenewCertificateRequest xmlns:c="{SERVICE}" xml:lang="fi">\n  <Environment> TEST </Environment>'
    "<CustomerId>0123456-7</CustomerId><!-- in --><CertificateRequest>AAAA{more}\r\n</CertificateRequest>{signature}"
    "</c:RenewCertificateRequest>"
)


def signed_proof(shape):
    return proof_in(parser.parse(xml_signing.signed(DOCUMENT.replace("{more}", ""), shape)))


@pytest.mark.parametrize("shape", ACCEPTED.values(), ids=ACCEPTED)
def test_each_signature_that_the_service_accepts_is_read(shape):
    proof = signed_proof(shape)
    public_key = xml_signing.key(shape.kind).public_key()
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    asked = renewals.read_proven_request(proof, spki)
    assert (asked.environment, asked.customer_id, asked.request) == ("TEST", "0123456-7", bytes(3))


IN_SIGNED_INFO = {
    name: shape
    for name, (shape, why) in REFUSED.items()
    if why in {"something other", "transforms", "canonicalisation", "digest", "signature method"}
    or name == "two references"
}


@pytest.mark.parametrize("shape", IN_SIGNED_INFO.values(), ids=IN_SIGNED_INFO)
def test_each_signed_info_that_the_service_refuses_is_refused(shape):
    with pytest.raises(SignatureRefused):
        canonical_xml.read_signed_info(signed_proof(shape).signed_info)


@pytest.mark.parametrize("path", sorted(VECTORS.glob("renew-*.signed-info.xml")), ids=lambda path: path.stem)
def test_each_published_vector_is_read(path):
    assert canonical_xml.read_signed_info(path.read_bytes())
    canonical = path.with_name(path.name.replace("signed-info", "canonical")).read_bytes()
    assert canonical_xml.read_request(canonical).customer_id == "0123456-7"


def test_the_names_of_algorithms_are_those_of_the_service():
    assert set(canonical_xml.METHODS) == {one.value.encode() for one in algorithms.XmlSignatureAlgorithm}
    assert set(canonical_xml.DIGESTS) == {one.encode() for one in algorithms._DIGESTS}
    ours = (canonical_xml.DS, canonical_xml.EXCLUSIVE, canonical_xml.INCLUSIVE, canonical_xml.SERVICE)
    theirs = (algorithms.DS, algorithms.EXCLUSIVE, algorithms.INCLUSIVE, SERVICE)
    assert [one.decode() for one in ours] == list(theirs)


REQUEST = PROOF.digested
NOT_REQUESTS = {
    "another operation": REQUEST.replace(b"RenewCertificateRequest", b"SignNewCertificateRequest"),
    "another namespace": REQUEST.replace(SERVICE.encode(), b"urn:other"),
    "two keys": REQUEST.replace(
        b"</CertificateRequest>", b"</CertificateRequest><CertificateRequest>AAAA</CertificateRequest>"
    ),
    "an element in the key": REQUEST.replace(b"</CertificateRequest>", b"<x></x></CertificateRequest>"),
    "text beside": REQUEST.replace(b"<Environment>", b"x<Environment>"),
    "an element that the schema does not have": REQUEST.replace(b"<Environment>", b"<X></X><Environment>"),
    "a key of another namespace": REQUEST.replace(b"<CertificateRequest>", b'<CertificateRequest xmlns="urn:x">'),
    "a prefix at the end alone": REQUEST.replace(b"</cer:Renew", b"</Renew"),
    "another encoding than UTF-8": REQUEST.replace(b"0123456-7", b"\xff"),
    "a key that is no base64": REQUEST.replace(b"</CertificateRequest>", b"!</CertificateRequest>"),
    "no key": canonical_xml.re.sub(rb"(<CertificateRequest>).*(</)", rb"\1\2", REQUEST),
    "a root that is not closed": REQUEST[:-1],
    "a document before it": b"<x></x>" + REQUEST,
    "256 KiB": REQUEST.replace(b"<Environment>", b" " * 262_145 + b"<Environment>"),
}


@pytest.mark.parametrize("octets", NOT_REQUESTS.values(), ids=NOT_REQUESTS)
def test_is_no_request(octets):
    assert octets != REQUEST
    with pytest.raises(SignatureRefused):
        canonical_xml.read_request(octets)


INFO = PROOF.signed_info
NOT_INFOS = {
    "nothing": b"",
    "text alone": b"text",
    "text around": b"x" + INFO,
    "two of them": INFO + INFO,
    "an end too many": INFO + b"</ds:SignedInfo>",
    "an end with an attribute": INFO.replace(b"</ds:SignedInfo>", b'</ds:SignedInfo a="b">'),
    "not closed": INFO.removesuffix(b"</ds:SignedInfo>"),
    "an element that is not written as C14N does": INFO.replace(b"></ds:DigestMethod>", b"/>"),
    "an attribute in other marks": INFO.replace(b'URI=""', b"URI=''"),
    "another namespace": INFO.replace(canonical_xml.DS, b"urn:x", 1),
    "NUL": INFO.replace(b'URI=""', b'URI="\0"'),
    "an element in the digest": INFO.replace(b"</ds:DigestValue>", b"<x></x></ds:DigestValue>"),
    "an element in the digest method": INFO.replace(b"</ds:DigestMethod>", b"<x></x></ds:DigestMethod>"),
    "an element in the method": INFO.replace(b"</ds:SignatureMethod>", b"<x></x></ds:SignatureMethod>"),
    "a digest that is no base64": INFO.replace(b"</ds:DigestValue>", b"*</ds:DigestValue>"),
    "too deep": INFO.replace(b"</ds:DigestMethod>", b"<x>" * 5 + b"</x>" * 5 + b"</ds:DigestMethod>"),
    "too many elements": INFO.replace(b"</ds:DigestMethod>", b"<x></x>" * 20 + b"</ds:DigestMethod>"),
    "64 KiB": INFO.replace(b"<ds:SignatureMethod", b" " * 65_537 + b"<ds:SignatureMethod"),
}


@pytest.mark.parametrize("octets", NOT_INFOS.values(), ids=NOT_INFOS)
def test_is_no_signed_info(octets):
    assert octets != INFO
    with pytest.raises(SignatureRefused):
        canonical_xml.read_signed_info(octets)


def test_instructions_and_white_space_change_nothing():
    info = INFO.replace(b"<ds:SignatureMethod", b"\n<?x y?>&#xD;<ds:SignatureMethod")
    assert canonical_xml.read_signed_info(info) == canonical_xml.read_signed_info(INFO)
    request = REQUEST.replace(b"</CertificateRequest>", b"\n<?x?>&#xD;</CertificateRequest> <?y z?>")
    assert canonical_xml.read_request(request) == canonical_xml.read_request(REQUEST)


def test_each_octet_of_a_proof_counts(rules):
    """A changed octet is refused: the signature covers all of them."""
    task = renewal(PROOF)
    for name in ("signed_info", "digested", "signature"):
        octets = getattr(PROOF, name)
        for at in range(0, len(octets), 7):
            changed = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
            (result,) = rules.sign([replace(task, proof=replace(PROOF, **{name: changed}))], NOW)
            assert isinstance(result, SignatureRefused), (name, at)
