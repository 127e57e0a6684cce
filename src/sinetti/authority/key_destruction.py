"""Destruction of private keys with a protocol, at the end of a CA or an authority.

See docs/termination.md. The command writes the protocol before it destroys the first key, and again after each. So a
killed command continues.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sinetti.authority.bootstrap import Authority
from sinetti.authority.key_inventory import KeyRole, ListedKey, holder_of, list_keys
from sinetti.authority.key_store import DESTROYED, StoreKind
from sinetti.authority.signer.approvals import public_digest
from sinetti.database.authorities.register import AuthorityView, CaChangeRefused, CaUnknown, list_authorities
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.infra.atomic_files import PRIVATE, destroy_file, write_atomic, write_new

FORMAT = "sinetti-key-destruction@v1"

_METHODS = {
    StoreKind.FILE: "file overwritten and removed",
    StoreKind.PKCS11: "objects deleted in the token",
    StoreKind.SIGNER: "destroyed by the separate signer",
}
_OFFLINE, _DONE = "offline", "destroyed_at"
_ENDED = frozenset({CaState.RETIRED, CaState.REVOKED})


class KeyDestructionError(CaChangeRefused):
    """Destruction that is refused; the text is a sentence with the next step."""


@dataclass(frozen=True)
class DestructionOptions:
    """Names of the keys to destroy, file of the protocol, and folder of offline keys."""

    names: tuple[str, ...]
    protocol: Path
    offline: Path | None = None


Rows = tuple[dict[str, Any], ...]
"""Keys of a protocol, as its JSON has them."""


def plan_destruction(options: DestructionOptions, authority: Authority, *, is_medium_away: bool = False) -> Rows:
    """Return the rows of the protocol, without the instants of destruction.

    With `is_medium_away`, offline keys count as there.
    A key that a killed command destroyed has its row from the protocol. Raises CaUnknown for an unknown key, and
    KeyDestructionError for one of a CA that still signs, one that is not here, and a protocol of another destruction.
    """
    names = options.names
    if len(set(names)) != len(names):
        raise KeyDestructionError("a key is named twice: name each once")
    begun = _read(options, authority)
    before = {row["name"]: row for row in begun["keys"]} if begun else {}
    known = {listed_key.name: listed_key for listed_key in list_keys(holder_of(authority))}
    cas = {ca.name: ca for ca in list_authorities(authority.ctx.db)}
    rows = []
    for name in names:
        listed = known.get(name)
        if listed is not None and (
            _is_in_store(listed)
            or (is_medium_away and name in authority.ctx.offline)
            or (options.offline is not None and (options.offline / f"{listed.name}.pem").exists())
        ):
            rows.append(_row(listed, cas))
        elif name in before:
            rows.append({key: value for key, value in before[name].items() if key != _DONE})
        else:
            is_gone = _mark(name, authority).exists()
            if listed is None and not is_gone:
                raise CaUnknown(f"there is no key {name}: sinetti authority keys list shows the keys")
            raise KeyDestructionError(
                f"the key {name} was destroyed already"
                if is_gone
                else f"the key {name} is offline, or missing: name its folder with --offline-dir"
            )
    return tuple(rows)


def destroy_keys(rows: Rows, options: DestructionOptions, authority: Authority, audit: AuditContext) -> None:
    """Destroy the keys of these rows; the protocol is in its file then.

    The audit log gets a row before the first key, and one after the last with the SHA-256 of the file. Raises
    SignerUnavailable, SignatureRefused and OSError.
    """
    db, names = authority.ctx.db, ", ".join(options.names)
    subject = f"instance:{authority.journal.instance_id}"
    written = _read(options, authority)
    audit_log.write(db, audit, "key-destruction-begun", subject, keys=names)
    if written is None:
        written = _new_protocol(rows, authority, audit)
        write_new(options.protocol, _octets(written))
    for row in written["keys"]:
        if row[_DONE] is None:
            _destroy(row, options.offline, authority)
            write_atomic(_mark(row["name"], authority), b"", PRIVATE)
            row[_DONE] = _instant(authority.ctx.machine_now())
            write_atomic(options.protocol, _octets(written), PRIVATE)
    digest = hashlib.sha256(options.protocol.read_bytes()).hexdigest()
    audit_log.write(db, audit, "key-destroyed", subject, keys=names, protocol_sha256=digest)


def _read(options: DestructionOptions, authority: Authority) -> dict[str, Any] | None:
    """Return the protocol that a killed command left, or None."""
    path = options.protocol
    if path.resolve().is_relative_to(authority.folder.root.resolve()):
        raise KeyDestructionError(
            f"--protocol {path} is in {authority.folder.root}, which may be destroyed, too: name another place"
        )
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_bytes())
        names = tuple(row["name"] for row in found["keys"] if _DONE in row)
        if (found["format"], found["instance"], names) == (FORMAT, authority.journal.instance_id, options.names):
            return dict(found)
    except (ValueError, KeyError, TypeError):
        pass
    raise KeyDestructionError(f"--protocol {path} exists and is not the protocol of this destruction: name a new file")


def _is_in_store(listed: ListedKey) -> bool:
    return listed.keys is not None and listed.keys.store_of(listed.name).has(listed.name)


def _mark(name: str, authority: Authority) -> Path:
    """Return the file that says that a key was destroyed."""
    return authority.folder.keys / f"{name}{DESTROYED}"


def _row(listed: ListedKey, cas: Mapping[str, AuthorityView]) -> dict[str, Any]:
    """Return the row of a key. Raises KeyDestructionError if a CA still needs it."""
    name = listed.name
    for ca in _users(listed, cas.values()):
        if ca.state not in _ENDED:
            needs = f"{name} is" if ca.name == name else f"{name} is still needed by {ca.name}, which is"
            raise KeyDestructionError(f"{needs} {ca.state}: retire or revoke it first (docs/termination.md)")
    is_offline = not _is_in_store(listed)
    return {
        "name": name,
        "role": listed.role.value,
        "key": listed.key_type,
        "public_key_sha256": public_digest(listed.public),
        "certificate_sha256": cas[name].sha256 if name in cas else None,
        "store": _OFFLINE if is_offline else listed.kind.value,
        "uri": listed.uri,
        "method": _METHODS[StoreKind.FILE if is_offline else listed.kind],
    }


def _users(listed: ListedKey, cas: Collection[AuthorityView]) -> list[AuthorityView]:
    """Return the CAs that need a key.

    That of a leaf is needed by its issuer, and that of the log by all.
    """
    if listed.role is KeyRole.OCSP:
        name = listed.name.rpartition("_ocsp-")[0]
        return [ca for ca in cas if ca.name == name]
    if listed.role is KeyRole.RESPONSE_SIGNER:
        return [ca for ca in cas if ca.role == KeyRole.SERVICES.value]
    return list(cas) if listed.role is KeyRole.LOG else [ca for ca in cas if ca.name == listed.name]


def _new_protocol(rows: Rows, authority: Authority, audit: AuditContext) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "environment": authority.settings.environment.value,
        "instance": authority.journal.instance_id,
        "begun_at": _instant(audit.at),
        "by": audit.actor,
        "keys": [{**row, _DONE: None} for row in rows],
    }


def _destroy(row: Mapping[str, Any], offline: Path | None, authority: Authority) -> None:
    """Destroy one key; one that is gone already stays so."""
    name = row["name"]
    if row["store"] == _OFFLINE:
        assert offline is not None  # noqa: S101 - the plan refuses it
        destroy_file(offline / f"{name}.pem")
        return
    for store in (authority.keys, authority.keys.offline_tokens()):
        store.delete(name)


def _octets(protocol: Mapping[str, Any]) -> bytes:
    return (json.dumps(protocol, indent=2) + "\n").encode()


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
