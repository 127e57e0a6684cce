"""Where a key in a PKCS#11 token is, as one line of text: a URI of RFC 7512."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes

from sinetti.domain.values import KeyId

SCHEME = b"pkcs11:"
"""What such a line begins with, and no PEM does."""

_UNRESERVED = "[]:@!$'()*+,="
"""What a value may hold beside letters and digits (RFC 7512, 2.3), as `quote` takes it."""

_KEY_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class TokenLocation:
    """A token, as a program reaches it: its module (a shared library), its label, and the file with the user's PIN."""

    module: Path
    label: str
    pin_file: Path


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key in a token.

    `id` is CKA_ID, `name` CKA_LABEL; `key_id` is the public half's, None before it is made.
    """

    place: TokenLocation
    id: bytes
    name: str
    key_id: KeyId | None = None


def dump(key: TokenKey) -> bytes:
    """Write the URI, its line ended.

    The key's own id is an attribute of ours, which others pass over.
    """
    path = {
        "token": _quoted(key.place.label),
        "object": _quoted(key.name),
        "id": "".join(f"%{one:02X}" for one in key.id),
    }
    query = {"module-path": _quoted(str(key.place.module)), "pin-source": "file:" + _quoted(str(key.place.pin_file))}
    if key.key_id is not None:
        query["x-sinetti-key-id"] = key.key_id
    whole = ";".join(f"{name}={value}" for name, value in (path | {"type": "private"}).items())
    return f"pkcs11:{whole}?{'&'.join(f'{name}={value}' for name, value in query.items())}\n".encode()


def load(octets: bytes) -> TokenKey:
    """Read such a URI. Raises ValueError for anything else."""
    try:
        scheme, _, whole = octets.decode("ascii").strip().partition(":")
        before, _, after = whole.partition("?")
        path, query = _pairs(before, ";"), _pairs(after, "&")
        key_id = query.get("x-sinetti-key-id")
        pin_file = query["pin-source"].removeprefix("file:")
        place = TokenLocation(Path(unquote(query["module-path"])), unquote(path["token"]), Path(unquote(pin_file)))
        found = TokenKey(place, unquote_to_bytes(path["id"]), unquote(path["object"]), None)
    except (ValueError, KeyError):
        found, key_id, scheme = None, None, ""
    if found is None or scheme != "pkcs11" or not found.id or (key_id is not None and not _KEY_ID.fullmatch(key_id)):
        why = "this is no URI of a key in a token"
        raise ValueError(why)
    return TokenKey(found.place, found.id, found.name, None if key_id is None else KeyId(key_id))


def _pairs(text: str, between: str) -> dict[str, str]:
    return dict(_pair(part) for part in text.split(between))


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, value


def _quoted(value: str) -> str:
    return quote(value, safe=_UNRESERVED + "/")
