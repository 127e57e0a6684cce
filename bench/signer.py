"""`python -m bench.signer`: cost of the separate signer's checks of a renewal.

It measures the rules alone, without their socket: an issuing CA with P-384, holders with P-256, renewals with a proof.
The signature alone is measured in the same run, so that the difference is the cost of reading, checking and recording.
"""

import argparse
import hashlib
import sys
import tempfile
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from lxml import etree

from bench.scene import KINDS, hierarchy
from sinetti.authority.signer.certificates import read_fields
from sinetti.authority.signer.rules import SigningRules
from sinetti.authority.signer.store import SignerStore
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy
from sinetti.ca.hierarchy_config import parse_hierarchy
from sinetti.ca.issuance import attach_signature, build_tbs, new_serial
from sinetti.ca.issuance_request import IssuingCa, LeafProfile, LeafRequest
from sinetti.domain.requests import RenewRequest
from sinetti.domain.values import VALIDITY, Channel, Environment, KeyPolicy, KeyType, ValidityPeriod
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import PrivateKey, PublicKey, generate_key, sign
from sinetti.pki.signers import SignatureProof, SignatureRefused
from sinetti.settings.signer import MOST_ORDERS, policy_for
from sinetti.wire.soap.envelope import parse_envelope
from sinetti.wire.soap.requests import render_renew
from sinetti.wire.transparency.entries import format_entry
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.parser import DS
from sinetti.wire.xmldsig.signers import signer_for_key

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
_CUSTOMER, _NAME, _LINEAGE = "0123456-7", "Bench Oy", "0F" * 16
_ROUNDS = 5


def main() -> int:
    """Measure, and print the table."""
    words = argparse.ArgumentParser(prog="python -m bench.signer", description="What the signer's checks cost.")
    words.add_argument("--renewals", type=int, default=2_000, help="how many each time (default: %(default)s)")
    words.add_argument("--batch", type=int, default=32, help="tasks of one transaction (default: %(default)s)")
    parsed = words.parse_args()
    began = NOW - timedelta(days=700)
    built = generate_hierarchy(
        parse_hierarchy(hierarchy(KINDS["P-384"]), Environment.TEST, "http://pki.example"), began
    )
    alone, checked = _costs(built, parsed.renewals, parsed.batch)
    print("| ms per renewal, P-384 CA, P-256 holder | signature | with checks | difference |")
    print("|---|--:|--:|--:|")
    print(f"| batches of {parsed.batch} | {alone:.3f} | {checked:.3f} | {checked - alone:.3f} |")
    return 0


def _costs(built: GeneratedHierarchy, count: int, batch: int) -> tuple[float, float]:
    """Return milliseconds of a signature alone and of a task with its checks; medians."""
    spec = built.hierarchy.issuing(Channel.WS)
    assert spec is not None  # noqa: S101 - the hierarchy of the bench has one
    key = built.key(spec.file_name)
    certificates = {one.file_name: built.certificate(one.file_name) for one in built.hierarchy.authorities}
    founded = policy_for(built.hierarchy, certificates, "bench", "pki.example/log")
    policy = replace(founded, keys=KeyPolicy(), orders_per_day=MOST_ORDERS)
    alone, checked = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = SignerStore(Path(folder) / "signer.sqlite")
        rules = SigningRules(policy, store, {spec.file_name: key})
        for _ in range(_ROUNDS):
            tasks = _renewals(built.issuer(spec.file_name), rules, count // _ROUNDS)
            alone.append(_timed(partial(_sign_alone, key, tasks), len(tasks)))
            checked.append(_timed(partial(_sign_checked, rules, tasks, batch), len(tasks)))
        store.close()
    return median(alone), median(checked)


def _timed(act: Callable[[], object], count: int) -> float:
    begun = monotonic_seconds()
    act()
    return (monotonic_seconds() - begun) * 1000 / count


def _sign_alone(key: PrivateKey, tasks: Sequence[SigningTask]) -> None:
    for task in tasks:
        sign(key, task.octets)


def _sign_checked(rules: SigningRules, tasks: Sequence[SigningTask], batch: int) -> None:
    for start in range(0, len(tasks), batch):
        for result in rules.sign(tasks[start : start + batch], NOW):
            if isinstance(result, SignatureRefused):
                raise result


def _renewals(issuer: IssuingCa, rules: SigningRules, count: int) -> list[SigningTask]:
    """Return renewals of certificates that the signer has signed before."""
    old_key, new_key = generate_key(KeyType.EC_P256), generate_key(KeyType.EC_P256)
    request = build_request(new_key, _CUSTOMER, _NAME)
    tasks = []
    for _ in range(count):
        old = _tbs(issuer, old_key.public_key())
        subject, tbs = f"certificate:{read_fields(old).serial.hex()}", hashlib.sha256(old).hexdigest()
        entry = format_entry("certificate-reserved", subject, ("bench", NOW, "bench"), {"tbs": tbs})
        task = SigningTask(TaskKind.CERTIFICATE, issuer.key_name, old, SignatureProof(b"", b"", b"", entry))
        (found,) = rules.sign([task], NOW)
        if isinstance(found, SignatureRefused):
            raise found
        der = attach_signature(old, found, issuer.certificate)
        ask = RenewRequest(Environment.TEST, _CUSTOMER, _NAME, request, der)
        proof = _proof(render_renew(ask, signer_for_key(old_key, der)))
        tasks.append(SigningTask(TaskKind.CERTIFICATE, issuer.key_name, _tbs(issuer, new_key.public_key()), proof))
    return tasks


def _tbs(issuer: IssuingCa, key: PublicKey) -> bytes:
    span = ValidityPeriod(NOW, NOW + VALIDITY)
    return build_tbs(LeafRequest(_CUSTOMER, _NAME, "FI", _LINEAGE, key, new_serial(), span), issuer, LeafProfile.HOLDER)


def _proof(message: bytes) -> SignatureProof:
    root = next(parse_envelope(message).candidates())
    found = next(root.iter(f"{{{DS}}}Signature"))
    info, value, key_info = parser.children(found)
    method, _, reference = parser.children(info)
    signed = signature.signed_info(info, signature.c14n_of(method))
    form = signature.read_transforms(parser.children(reference)[0])
    certificate = b64decode(_text(next(key_info.iter(f"{{{DS}}}X509Certificate"))))
    signature.remove(found, root)
    return SignatureProof(certificate, signed, b64decode(_text(value)), form.whole(root))


def _text(element: etree._Element) -> str:
    return element.text or ""


if __name__ == "__main__":
    sys.exit(main())
