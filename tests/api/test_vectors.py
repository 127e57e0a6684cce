"""Replay of the vectors of tests/vectors/ (docs/integrators/vectors.md).

The tests compute each stated value anew, or replay the exchange. lxml makes the canonical octets, hashlib the digests,
and cryptography the signatures. Judges use nothing of `wire`.
"""

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import ocsp
from lxml import etree

from sinetti.ca.hierarchy_builder import GeneratedHierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy
from sinetti.client.documents import receipt_check
from sinetti.database.issuance import recovery
from sinetti.database.issuance.journal_records import JournalState
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import NewTransferIds
from sinetti.domain.refusals import ERROR_CODES
from sinetti.domain.values import Channel, Environment
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.pki.encoding import certificate_der, serial_hex, sha256_hex
from sinetti.pki.key_policy import key_id
from sinetti.services.issuance.order import mac
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, SoapFault, UnreadableResponse, UntrustedResponse
from tests.api.counter import Counter, fault, opened_counter
from tests.house.tree import ROOT
from tests.support import tools
from tests.support.authority import BASE_URL
from tests.support.scene import TRANSFER_KEY, an_order, opened_scene

FOLDER = ROOT / "tests" / "vectors"
INDEX = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))
VECTORS = {one["name"]: one for one in INDEX["vectors"]}
DS = "{http://www.w3.org/2000/09/xmldsig#}"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
SERVICE = "{http://certificates.vero.fi/2017/10/certificateservices}"
LARGEST = 400_000


def of(*kinds):
    """Return the vectors of some kinds, by name, as a table for a test."""
    return pytest.mark.parametrize(
        "vector", [one for one in INDEX["vectors"] if one["kind"] in kinds], ids=lambda one: one["name"]
    )


def octets(place: str) -> bytes:
    return (FOLDER / place).read_bytes()


@cache
def certificates(place: str) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(octets(place)))


def at(vector) -> datetime:
    return datetime.fromisoformat(vector["at"])


# --- The folder


def files_of_the_folder():
    """Return the files, without the corpus of `tests/support/faults.py`."""
    return {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.parent.name != "faults"
    }


def test_every_file_is_spoken_of_and_every_file_spoken_of_is_there():
    there = files_of_the_folder() - {"vectors.json"}
    told = {place for one in INDEX["vectors"] for place in one["files"].values()}
    assert told == there


def test_names_are_unique_and_refer_to_each_other():
    assert len(VECTORS) == len(INDEX["vectors"])
    assert {one["twin"] for one in INDEX["vectors"] if "twin" in one} <= VECTORS.keys()


def test_the_folder_stays_small():
    assert sum((FOLDER / place).stat().st_size for place in files_of_the_folder()) < LARGEST


def test_the_script_makes_the_same_again(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    made = tools.script("vectors").made()
    assert made.keys() == files_of_the_folder()
    assert not [place for place, new in made.items() if new != octets(place)], "run `python scripts/vectors.py`"


def test_every_kind_has_its_test_and_its_lines_on_the_page():
    page = (ROOT / "docs" / "integrators" / "vectors.md").read_text(encoding="utf-8")
    kinds = {one["kind"] for one in INDEX["vectors"]}
    assert kinds == {"certificate", "signing-request", "request", "answer", "delivery", "receipt", "crl", "ocsp"}
    assert not [kind for kind in kinds if f"`{kind}`" not in page]
    members = {f"files.{name}" for one in INDEX["vectors"] for name in one["files"]}
    members |= {f"expected.{name}" for one in INDEX["vectors"] for name in one.get("expected", {})}
    members |= {f"outcome.{name}" for one in INDEX["vectors"] for name in one.get("outcome", {})}
    members |= {name for one in INDEX["vectors"] for name in one}
    assert not [name for name in members if f"`{name.rpartition('.')[2]}`" not in page]


# --- Certificates and signing requests


@of("certificate")
def test_certificate(vector):
    ((one,), told) = certificates(vector["files"]["certificate"]), vector["expected"]
    assert hashlib.sha256(one.public_bytes(Encoding.DER)).hexdigest() == told["der_sha256"]
    assert f"{one.serial_number:x}" == told["serial"]
    assert f"CN={told['common_name']}" in one.subject.rfc4514_string().split(",")
    assert f"CN={told['issuer']}" in one.issuer.rfc4514_string().split(",")
    assert (one.not_valid_before_utc, one.not_valid_after_utc) == tuple(
        datetime.fromisoformat(told[name]) for name in ("not_before", "not_after")
    )
    known = {ca.subject: ca for bundle in ("holders", "services") for ca in certificates(f"trust/{bundle}.pem")}
    one.verify_directly_issued_by(known[one.issuer])
    assert public(private(vector["files"]["key"]).public_key()) == public(one.public_key())


@of("signing-request")
def test_signing_request(vector):
    request = x509.load_pem_x509_csr(octets(vector["files"]["signing_request"]))
    assert hashlib.sha256(request.public_bytes(Encoding.DER)).hexdigest() == vector["expected"]["der_sha256"]
    assert request.is_signature_valid is vector["expected"]["signature_holds"] is True
    assert public(private(vector["files"]["key"]).public_key()) == public(request.public_key())


def private(place: str):
    return load_pem_private_key(octets(place), None)


def public(key) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# --- Messages: canonical octets, digests, signatures


@pytest.mark.parametrize("name", [name for name, one in VECTORS.items() if "canonical" in one["files"]])
def test_what_was_computed_for_a_signature(name):
    vector = VECTORS[name]
    files = vector["files"]
    document = cut(files)
    root = etree.fromstring(document)
    signature = root[-1]
    info = signature.find(f"{DS}SignedInfo")
    signed_info = c14n(info, info.find(f"{DS}CanonicalizationMethod").get("Algorithm"))
    (certificate,) = certificates(files.get("certificate", files.get("signer")))
    assert base64.b64decode(signature.findtext(f".//{DS}X509Certificate")) == certificate_der(certificate)
    assert signed_info == octets(files["signed_info"])
    verify(certificate.public_key(), signed_info, base64.b64decode(signature.findtext(f"{DS}SignatureValue")))
    transforms = [one.get("Algorithm") for one in info.iter(f"{DS}Transform")]
    stated = info.findtext(f".//{DS}DigestValue")
    root.remove(signature)
    canonical = c14n(root, transforms[-1])
    assert canonical == octets(files["canonical"])
    assert base64.b64encode(hashlib.sha256(canonical).digest()).decode() == stated
    told = vector["expected"]
    if vector["kind"] == "request":
        assert told["transforms"] == transforms
        assert told["canonicalisation_of_signed_info"] == info.find(f"{DS}CanonicalizationMethod").get("Algorithm")
        assert told["digest_sha256"] == hashlib.sha256(canonical).hexdigest()
        assert told["signed_info_sha256"] == hashlib.sha256(signed_info).hexdigest()


def test_the_form_of_signed_info_is_what_the_page_says():
    renewals = [one for one in INDEX["vectors"] if "canonicalisation_of_signed_info" in one.get("expected", {})]
    inclusive = [
        one["name"] for one in renewals if "exc-c14n" not in one["expected"]["canonicalisation_of_signed_info"]
    ]
    assert inclusive == ["renew-default-namespace"]
    assert len([one for one in renewals if len(one["expected"]["transforms"]) == 1]) > 5


def cut(files) -> bytes:
    """Return the content of the Body as the document that was signed.

    This is the document itself, or the text between the Body's tags.
    """
    if "document" in files:
        return octets(files["document"])
    found = re.search(rb":Body>(.*)</[^:>]*:Body>", octets(files.get("request", files.get("answer"))), re.DOTALL)
    assert found is not None
    return found[1]


def c14n(element, algorithm: str) -> bytes:
    if element.getparent() is not None:
        # lxml's inclusive form of a part in place repeats declarations: take it as a whole that has those around it.
        element = etree.fromstring(etree.tostring(element, encoding="utf-8", with_tail=False))
    return etree.tostring(element, method="c14n", exclusive=algorithm == EXCLUSIVE, with_comments=False)


def verify(key, octets_signed: bytes, value: bytes) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(value, octets_signed, padding.PKCS1v15(), hashes.SHA256())
        return
    half = len(value) // 2
    numbers = encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
    key.verify(numbers, octets_signed, ec.ECDSA(hashes.SHA256() if key.key_size == 256 else hashes.SHA384()))


@pytest.mark.parametrize("name", [name for name, one in VECTORS.items() if "values" in one.get("expected", {})])
def test_the_values_of_a_request(name):
    vector = VECTORS[name]
    payload = etree.fromstring(octets(vector["files"]["request"])).find(f"{SOAP}Body")[0]
    assert payload.tag == f"{SERVICE}{vector['operation']}Request"
    told = {child.tag: "".join(child.xpath("text()")) for child in payload.iterchildren("*")}
    request = told.pop("CertificateRequest", None)
    told.pop(f"{DS}Signature", None)
    assert told == vector["expected"]["values"]
    if request is not None:
        pem = x509.load_pem_x509_csr(octets(vector["files"]["signing_request"]))
        assert base64.b64decode(request) == pem.public_bytes(Encoding.DER)


# --- Requests, at an endpoint


def test_requests_are_answered_as_told(sqlite_db):
    counter = opened(sqlite_db)
    wanted = {name: one["outcome"] for name, one in VECTORS.items() if one["kind"] == "request"}
    assert {name: answered(counter, VECTORS[name]) for name in wanted} == wanted


def opened(db) -> Counter:
    """Open an endpoint over a database with the `register` of vectors.json."""
    told = INDEX["register"]
    scene = opened_scene(db, built())
    restored = recovery.restore(db, dict(known(one) for one in told["certificates"]), scene.audit_entry())
    assert len(restored.done) == len(told["certificates"])
    for order in told["orders"]:
        ids, password = order["TransferId"], order["TransferPassword"]
        span = [datetime.fromisoformat(order[name]) for name in ("ordered", "lapse")]
        new = NewTransferIds(ids, *span, mac(TRANSFER_KEY, ids, password))
        organisations.add_order(db, an_order(told["customer_id"]), new, scene.audit_entry())
    return opened_counter(scene)


@cache
def built() -> GeneratedHierarchy:
    """Return the vectors' authority as the product has it in memory."""
    hierarchy = parse_hierarchy(load_preset("default"), Environment(INDEX["register"]["environment"]), BASE_URL)
    names = {spec.file_name: f"ca-{spec.channel or spec.role}".lower() for spec in hierarchy.authorities}
    names[hierarchy.response_signer.file_name] = "response-signer-p256"
    return GeneratedHierarchy(
        hierarchy,
        {
            one: (private(f"keys/{name}.pem"), certificates(f"certificates/{name}.pem")[0])
            for one, name in names.items()
        },
    )


def known(told):
    """Return what journals would say of a certificate of the database."""
    (one,) = certificates(told["certificate"])
    begins, der, serial = one.not_valid_before_utc, certificate_der(one), told["serial"]
    first = serial_hex(certificates(told["renews"] or told["certificate"])[0].serial_number)
    organisation = {
        "organisation_id": "0" * 32,
        "customer_id": INDEX["register"]["customer_id"],
    }
    order = {
        "order_id": serial[:32],
        "created": begins.isoformat(),
        "replaces": None,
        "transfer_ids": [],
        "organisation": organisation | {"created": begins.isoformat()},
    }
    ws = next(name for name, ca in built().entries.items() if ca[1].subject == one.issuer)
    issued = {
        "serial": serial,
        "der": base64.b64encode(der).decode(),
        "sha256": sha256_hex(der),
        "authority": ws,
        "key": key_id(one.public_key()),
        "retrieval_id": told["retrieval_id"],
        "not_before": begins.isoformat(),
        "not_after": one.not_valid_after_utc.isoformat(),
        "renewable_from": (one.not_valid_after_utc - timedelta(days=60)).isoformat(),
        "recorded_at": begins.isoformat(),
        "crl_shard": 1,
        "predecessor": first if told["renews"] else None,
        "holding": {"holding_id": first[:32], "subject_serial": first[:32].upper(), "channel": Channel.WS},
        "order": None if told["renews"] else order,
    }
    revoked = {"at": told["revoked"], "reason": "keyCompromise", "invalidity_date": None, "void": False, "issued": True}
    return serial, JournalState(issued, {"at": told["fetched"]}, revoked if told["revoked"] else None)


def answered(counter: Counter, vector) -> dict[str, str]:
    """Replay a request at its instant; return the result in the vector's terms."""
    counter.scene.clock.now = counter.scene.machine.now = at(vector)
    reply = counter.post(octets(vector["files"]["request"]))
    if reply.status != 200:
        return {"answer": "Fault", "faultcode": fault(reply)[0].rpartition(":")[2]}
    answer = counter.judged(reply)
    assert answer.element == f"{vector['operation']}Response"
    if answer.code:
        reasons = {code: reason.value for reason, code in ERROR_CODES.items()}
        return {"answer": answer.status, "code": answer.code, "reason": reasons[answer.code]}
    if answer.certificate is None:
        return {"answer": answer.status}
    (given,) = [
        one["certificate"]
        for one in INDEX["register"]["certificates"]
        if certificate_der(certificates(one["certificate"])[0]) == base64.b64decode(answer.certificate)
    ]
    return {"answer": answer.status, "certificate": given}


# --- Answers, deliveries, status


@of("answer")
def test_an_answer_is_believed_or_not_as_told(vector):
    assert believed(vector) == (vector["outcome"], vector.get("expected"))


def believed(vector):
    """Read an answer as a client does; return the result in the vector's terms."""
    anchors = [one for one in certificates(vector["files"]["anchors"]) if "Services" in one.subject.rfc4514_string()]

    def ours(signer: x509.Certificate) -> bool:
        try:
            signer.verify_directly_issued_by(anchors[0])
        except ValueError:
            return False
        return signer.not_valid_before_utc <= at(vector) <= signer.not_valid_after_utc

    operation = next(one for one in Operation if one.response == f"{vector['operation']}Response")
    try:
        answer = operations.read_response(octets(vector["files"]["answer"]), operation, ours)
    except (SoapFault, UntrustedResponse, UnreadableResponse) as bad:
        words = {SoapFault: "fault", UntrustedResponse: "not-trusted", UnreadableResponse: "unreadable"}
        return {"believed": False, "reason": words[type(bad)]}, None
    told = {"status": "OK" if answer.status_ok else "FAIL"}
    if answer.retrieval_id is not None:
        told["retrieval_id"] = answer.retrieval_id
    if answer.certificate is not None:
        told["certificate_sha256"] = sha256_hex(answer.certificate)
    for error in answer.errors:
        told |= {"code": error.code, "message": error.message}
    return {"believed": True}, told


@of("delivery")
def test_a_delivery_is_judged_as_told(vector):
    files = vector["files"]
    gateway = Gateway(certificates(files["anchors"]), source=CrlSource([octets(files["crl"])]), channel=Channel.WS)
    verdict = gateway.verify(octets(files["document"]), at(vector)).verdict
    assert vector["outcome"] == {
        "verdict": "refused" if verdict.reason else "accepted",
        "reason": verdict.reason and verdict.reason.value,
    }


@of("receipt")
def test_the_receipt_proves_the_delivery(vector):
    files, told = vector["files"], vector["expected"]
    sent, receipt = octets(files["document"]), octets(files["receipt"])
    assert (
        receipt_check.check(receipt, sent, "FILE", certificates(files["anchors"]), at(vector)).good
        is vector["outcome"]["proves"]
    )
    root = etree.fromstring(receipt)
    assert [root.findtext(f"{{*}}{name}") for name in ("deliveryId", "sha256", "serial")] == list(told.values())
    assert hashlib.sha256(sent).hexdigest() == told["sha256"]
    assert not receipt_check.check(receipt, sent + b"\n", "FILE", certificates(files["anchors"]), at(vector)).good


@of("crl")
def test_the_list_names_what_is_revoked(vector):
    crl, (issuer,) = x509.load_der_x509_crl(octets(vector["files"]["crl"])), certificates(vector["files"]["issuer"])
    assert crl.is_signature_valid(issuer.public_key())
    assert crl.last_update_utc <= at(vector) < crl.next_update_utc
    assert [serial_hex(one.serial_number) for one in crl] == vector["expected"]["revoked"]


@of("ocsp")
def test_the_ocsp_answer_says_what_is_told(vector):
    response, (issuer,) = (
        ocsp.load_der_ocsp_response(octets(vector["files"]["ocsp"])),
        certificates(vector["files"]["issuer"]),
    )
    (responder,) = response.certificates
    responder.verify_directly_issued_by(issuer)
    key = responder.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), hashes.SHA256())
    assert response.this_update_utc <= at(vector) <= response.next_update_utc
    told = vector["expected"]
    assert (response.certificate_status.name.lower(), serial_hex(response.serial_number)) == tuple(told.values())
    (asked,) = certificates(vector["files"]["certificate"])
    assert asked.serial_number == response.serial_number
