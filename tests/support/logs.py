"""Logs of a test: a key, a sequencer, and rows as earlier code wrote them."""

import hashlib
import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import AuditEvent
from sinetti.services.context import ServiceContext
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.wire.transparency.notes import NoteSigner
from tests.support.authority import NOW

ORIGIN = "pki.example/log"
LOG_KEY, NEXT_KEY, WRONG_KEY = (
    NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)) for number in (11, 12, 13)
)
REQUEST = "ab" * 16
AUDIT = AuditContext("operator", NOW, REQUEST)


def logging(ctx: ServiceContext, *signers: NoteSigner) -> ServiceContext:
    """Return the context with these keys of the log, by default LOG_KEY."""
    return replace(ctx, log_signers=lambda: signers or (LOG_KEY,))


def sequenced(ctx: ServiceContext) -> int:
    """Sequence everything that waits, as a new process does."""
    return LogSequencer().run(ctx, REQUEST)


def write_rows(db: Database, count: int, action: str = "looked") -> list[bytes]:
    """Write rows in one transaction each, and return the hashes of their entries."""
    return [audit_log.write(db, AUDIT, action, f"person:{number}") for number in range(count)]


def write_old_row(db: Database, subject: str) -> None:
    """Write a row in the form of code before the log."""
    row = {"action": "ordered", "actor": "operator", "at": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"), "facts": {}}
    row |= {"object": subject, "request": REQUEST}
    octets = json.dumps(row, sort_keys=True, separators=(",", ":")).encode()
    AuditEvent.objects.using(db.alias).create(
        at=NOW,
        actor="operator",
        action="ordered",
        object=subject,
        request_id=REQUEST,
        octets=octets,
        sha256=hashlib.sha256(octets).hexdigest(),
    )
