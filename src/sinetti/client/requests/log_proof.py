"""Proof that a certificate is in the log of its authority (docs/evidence.md).

The address of the log is beside that of the CA certificate, which the certificate names. `NAME/log.json` keeps the
proof.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from sinetti.client.store import files, log_memory
from sinetti.infra import records
from sinetti.infra.http_client import HttpError, fetch_body
from sinetti.pki import chain, encoding
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.merkle import ProofError, leaf_hash
from sinetti.wire.transparency.notes import Checkpoint
from sinetti.wire.transparency.observer import LogReader, LogUnavailable
from sinetti.wire.transparency.proofs import EntryProof

_WITHIN = 10.0


class NoEntry(LogUnavailable):
    """Certificate about which the log has no entry yet."""


@dataclass(frozen=True)
class CheckedProof:
    """Proof that holds.

    It has its octets, index and time of the entry, and the checkpoint.
    """

    octets: bytes
    index: int
    at: str
    checkpoint: Checkpoint


def log_url(certificate: x509.Certificate) -> str | None:
    """Return the address of the log of a certificate's authority; None without one."""
    access = chain.extension_value(certificate, x509.AuthorityInformationAccess) or ()
    for one in access:
        address = one.access_location.value
        if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS and "/ca/" in address:
            return f"{address.rpartition('/ca/')[0]}/log"
    return None


def fetch_part(url: str, path: str) -> bytes | None:
    """Fetch a part of the log at an address; None if it is not there.

    Raises LogUnavailable.
    """
    try:
        return fetch_body(f"{url}/{path}", _WITHIN)
    except HttpError as failed:
        raise LogUnavailable(str(failed)) from failed


def fetch_proof(reader: LogReader, certificate: x509.Certificate) -> CheckedProof:
    """Fetch the proof of a certificate's issue, and check it.

    Raises NoEntry, and as LogReader.accept does.
    """
    serial = encoding.serial_hex(certificate.serial_number)
    octets = reader.fetch(f"proof/{serial}")
    if octets is None:
        raise NoEntry(f"the log has no entry about the certificate {serial}")
    proof = EntryProof.parse(octets)
    entry, der = parse_entry(proof.extra or b""), encoding.certificate_der(certificate)
    if (entry.action, entry.object, entry.facts.get("sha256")) != (
        "certificate-issued", f"certificate:{serial}", encoding.sha256_hex(der)
    ):  # fmt: skip
        raise ProofError("the entry is about another certificate")
    reader.accept(proof.checkpoint)
    checkpoint, _ = proof.verify(leaf_hash(proof.extra or b""), *reader.memory.keys)
    return CheckedProof(octets, proof.index, entry.at, checkpoint)


def store_proof(folder: Path, url: str, serial: str, proof: CheckedProof) -> None:
    """Write `NAME/log.json`. Raises OSError."""
    row = {"serial": serial, "log": url, "index": proof.index, "at": proof.at, "proof": proof.octets.decode()}
    files.write_atomic(folder / log_memory.PROOF, records.dump(row), is_durable=False)
