"""Separate signer for tests: its policy, its rules, and octets as the service makes them."""

import hashlib
from base64 import b64decode
from contextlib import suppress
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.authority.signer.certificates import read_fields
from sinetti.authority.signer.rules import SigningRules
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca.issuance import build_tbs, capture_key
from sinetti.ca.issuance_request import LeafProfile
from sinetti.ca.profiles import ca_key
from sinetti.domain.requests import RenewRequest
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import certificate_der, hash_for
from sinetti.pki.signers import SignatureProof, SignatureRefused
from sinetti.settings.signer import policy_for
from sinetti.wire.soap import requests
from sinetti.wire.soap.envelope import parse_envelope
from sinetti.wire.transparency.entries import format_entry
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.algorithms import Canonical
from sinetti.wire.xmldsig.parser import DS
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, NOW, authority, issuer, leaf_plan, response_signer

ORIGIN = "pki.sinetti.example/log"
INSTANCE = "5f1c0d62a1b94f06"
CA = issuer().file_name
SERVICES = authority().hierarchy.services.file_name
RESPONSE_SIGNER = f"{authority().hierarchy.response_signer.file_name}-1a"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG = "log-1a2b3c4d"


def policy(**changes):
    """Return the policy of the test authority."""
    built = authority()
    certificates = {spec.file_name: built.certificate(spec.file_name) for spec in built.hierarchy.authorities}
    found = policy_for(built.hierarchy, certificates, INSTANCE, ORIGIN)
    return replace(found, **{"orders_per_day": 10, **changes})


def keys():
    """Return the keys of all CAs, of the response signer and of the log."""
    cas = {spec.file_name: authority().key(spec.file_name) for spec in authority().hierarchy.authorities}
    return {**cas, RESPONSE_SIGNER: response_signer()[0], LOG: LOG_KEY}


def rules_of(store, **changes):
    """Return the rules of the test authority with a store."""
    return SigningRules(policy(**changes), store, keys())


def one(rules, task, now=NOW):
    """Return the signature of one task. Raises SignatureRefused."""
    (result,) = rules.sign([task], now)
    if isinstance(result, SignatureRefused):
        raise result
    return result


def holder_tbs(key, *, by=None, plan=None, **changes):
    """Return the octets of a holder's certificate as the service makes them."""
    return build_tbs(replace(plan or leaf_plan(key.public_key()), **changes), by or issuer(), LeafProfile.HOLDER)


def unlinted(builder, by=None):
    """Return the octets of a builder, which the service's lint might refuse."""
    key = capture_key(ca_key((by or issuer()).certificate))
    builder.sign(key, hash_for(key.public_key()))
    return key.octets


def certificate_task(tbs, proof=None, ca=CA):
    """Return the task to sign a holder's certificate, which is reserved unless a proof is given."""
    return SigningTask(TaskKind.CERTIFICATE, ca, tbs, proof or reserved(reservation_of(tbs)))


def reservation_of(tbs, serial=None, **facts):
    """Return the octets of the log's entry about the reservation of these octets."""
    with suppress(SignatureRefused):
        serial = serial or read_fields(tbs).serial.hex()
    given = {"tbs": hashlib.sha256(tbs).hexdigest(), "order": "o1", **facts}
    return format_entry("certificate-reserved", f"certificate:{serial}", ("order:o1", NOW, "r1"), given)


def reserved(entry):
    """Return the proof that has the entry about a reservation."""
    return SignatureProof(b"", b"", b"", entry)


def request_of(new_key, customer_id=CUSTOMER_ID, environment=None, signer=b""):
    """Return the content of a renewal's request."""
    der = build_request(new_key, customer_id, CUSTOMER_NAME)
    return RenewRequest(environment or policy().environment, customer_id, CUSTOMER_NAME, der, signer)


def renewal_proof(old_key, old, new_key, *, recipe=SignatureProfile.EXCLUSIVE, **asked):
    """Return the proof of a renewal that a client asks for with an old certificate."""
    der = certificate_der(old)
    message = requests.render_renew(request_of(new_key, signer=der, **asked), signer_for_key(old_key, der), recipe)
    return proof_in(next(parse_envelope(message).candidates()))


def proof_in(root):
    """Return the proof in a signed document, which is taken apart."""
    found = next(root.iter(f"{{{DS}}}Signature"))
    info, value, key_info = parser.children(found)
    method, _, reference = parser.children(info)[:3]
    try:
        info_form, document_form = signature.c14n_of(method), signature.read_transforms(parser.children(reference)[0])
    except signature.SignatureInvalid:
        info_form = document_form = Canonical(exclusive=True)
    signed_info = signature.signed_info(info, info_form)
    certificate = b64decode(next(key_info.iter(f"{{{DS}}}X509Certificate")).text)
    signature.remove(found, found.getparent())
    return SignatureProof(certificate, signed_info, parser.decode_base64(value.text), document_form.whole(root))


def der_of(certificate):
    """Return the DER of a certificate."""
    return certificate.public_bytes(Encoding.DER)
