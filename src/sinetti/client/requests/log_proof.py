"""Proof that a certificate is in the log of its authority (docs/evidence.md).

The address of the log is beside that of the CA certificate, which the certificate names. `NAME/log.json` keeps the key
and the last checkpoint, and the next proof must continue it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from sinetti.client.store import files
from sinetti.infra.http_client import HttpError, HttpRequest, HttpResponse, send_request
from sinetti.pki import chain, encoding
from sinetti.wire.transparency.continuity import check_continues
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.merkle import ProofError, leaf_hash
from sinetti.wire.transparency.notes import Checkpoint, NoteError, VerifierKey
from sinetti.wire.transparency.proofs import EntryProof

FILE = "log.json"
_OK, _NOT_FOUND = 200, 404
_WITHIN = 20.0


class LogUnavailable(Exception):
    """Log that cannot be asked now, or has no entry yet; the sentence says why."""


@dataclass(frozen=True, slots=True)
class CheckedProof:
    """Proof that holds.

    It has the address of the log, the index of the entry, its time, the checkpoint and the key.

    `is_continued` is True if an earlier checkpoint was kept, and the log continues it.
    """

    url: str
    index: int
    at: str
    checkpoint: Checkpoint
    key: VerifierKey
    is_continued: bool


def log_url(certificate: x509.Certificate) -> str:
    """Return the address of the log of a certificate's authority.

    Raises LogUnavailable without one.
    """
    access = chain.extension_value(certificate, x509.AuthorityInformationAccess) or ()
    for one in access:
        address = one.access_location.value
        if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS and "/ca/" in address:
            return f"{address.rpartition('/ca/')[0]}/log"
    sentence = "the certificate does not name the address of its CA"
    raise LogUnavailable(sentence)


def fetch_proof(folder: Path, certificate: x509.Certificate, key: VerifierKey | None) -> CheckedProof:
    """Fetch the proof of a name's certificate, check it, and keep its checkpoint.

    Without `key`, the kept one counts, else the one that the service shows. Raises LogUnavailable, ProofError,
    NoteError and OSError.
    """
    url, (kept_key, kept) = log_url(certificate), _load(folder)
    trusted = key or kept_key or VerifierKey.parse(_get(f"{url}/key").decode("utf-8", "replace"))
    parts = urlsplit(url)
    if trusted.name != f"{parts.netloc}{parts.path}":
        sentence = f"the key is of the log {trusted.name}, not of {parts.netloc}{parts.path}"
        raise ProofError(sentence)
    proof = EntryProof.parse(_get(f"{url}/proof/{encoding.serial_hex(certificate.serial_number)}"))
    checkpoint, at = _check(proof, certificate, trusted)
    note = check_continues(kept, proof.checkpoint, trusted, lambda name: _tile(f"{url}/{name.path}"))
    record = {"key": str(trusted), "checkpoint": note.decode()}
    files.write_atomic(folder / FILE, (json.dumps(record) + "\n").encode())
    return CheckedProof(url, proof.index, at, checkpoint, trusted, kept is not None)


def _check(proof: EntryProof, certificate: x509.Certificate, key: VerifierKey) -> tuple[Checkpoint, str]:
    """Return checkpoint and time of a proof about exactly this certificate."""
    octets = proof.extra or b""
    checkpoint, _ = proof.verify(leaf_hash(octets), key)
    entry, der = parse_entry(octets), encoding.certificate_der(certificate)
    subject = f"certificate:{encoding.serial_hex(certificate.serial_number)}"
    if (entry.action, entry.object, entry.facts.get("sha256")) != (
        "certificate-issued", subject, encoding.sha256_hex(der)
    ):  # fmt: skip
        sentence = "the entry is about another certificate"
        raise ProofError(sentence)
    return checkpoint, entry.at


def _tile(url: str) -> bytes:
    """Return a tile; a log that has shrunk has it no more, which is no matter of time."""
    reply = _ask(url)
    if reply.status == _NOT_FOUND:
        sentence = f"{url} is missing"
        raise ProofError(sentence)
    return _body(url, reply)


def _get(url: str) -> bytes:
    return _body(url, _ask(url))


def _ask(url: str) -> HttpResponse:
    try:
        return send_request(HttpRequest(url, within=_WITHIN))
    except HttpError as failed:
        sentence = f"{url}: {failed}"
        raise LogUnavailable(sentence) from failed


def _body(url: str, reply: HttpResponse) -> bytes:
    if reply.status != _OK:
        sentence = f"{url}: HTTP {reply.status}"
        raise LogUnavailable(sentence)
    return reply.body


def _load(folder: Path) -> tuple[VerifierKey | None, bytes | None]:
    """Return the kept key and checkpoint.

    Both are None if there is no file, or a damaged one.
    """
    try:
        record = json.loads((folder / FILE).read_bytes())
        return VerifierKey.parse(record["key"]), record["checkpoint"].encode()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, NoteError):
        return None, None
