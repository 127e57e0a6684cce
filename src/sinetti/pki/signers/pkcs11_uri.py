"""Location of a key in a PKCS#11 token as one line: a URI of RFC 7512."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes

from sinetti.domain.values import KeyId
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError
from sinetti.pki.signers import SignerUnavailable

SCHEME = b"pkcs11:"
"""Scheme at the start of the URI, which no PEM has."""

_UNRESERVED = "[]:@!$'()*+,="
"""Characters of a value beside letters and digits (RFC 7512, 2.3), for `quote`."""

_KEY_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class TokenLocation:
    """Location of a token: its module, its label, and the file with the user's PIN.

    The module is a shared library.
    """

    module: Path
    label: str
    pin_file: Path


@dataclass(frozen=True)
class TokenKey:
    """Key in a token.

    `id` is CKA_ID, `name` is CKA_LABEL. `key_id` is that of the public half, or None before the key exists.
    `object_type` is the type of RFC 7512, `private` or `secret-key`.
    """

    place: TokenLocation
    id: bytes
    name: str
    key_id: KeyId | None = None
    object_type: str = "private"


def read_pin(place: TokenLocation) -> bytes:
    """Return the PIN from its file. Raises SignerUnavailable."""
    try:
        pin = file_permissions.read_secret(place.pin_file, any_owner=True).strip()
        pin.decode()
    except RightsError:
        why = f"other users can read the PIN file of the token {place.label}; run chmod 600 {place.pin_file}"
    except OSError as bad:
        why = f"the PIN file of the token {place.label} cannot be read: {bad.strerror}"
    except UnicodeDecodeError:
        why = f"the PIN file of the token {place.label} contains no PIN"
    else:
        if pin:
            return pin
        why = f"the PIN file of the token {place.label} contains no PIN"
    raise SignerUnavailable(why)


def dump(key: TokenKey) -> bytes:
    """Format the URI, with a line end.

    The key id is an attribute of this project, which other programs ignore.
    """
    path = {
        "token": _quoted(key.place.label),
        "object": _quoted(key.name),
        "id": "".join(f"%{number:02X}" for number in key.id),
    }
    query = {"module-path": _quoted(str(key.place.module)), "pin-source": "file:" + _quoted(str(key.place.pin_file))}
    if key.key_id is not None:
        query["x-sinetti-key-id"] = key.key_id
    whole = ";".join(f"{name}={value}" for name, value in (path | {"type": key.object_type}).items())
    return f"pkcs11:{whole}?{'&'.join(f'{name}={value}' for name, value in query.items())}\n".encode()


def load(octets: bytes) -> TokenKey:
    """Parse such a URI.

    Raises ValueError for any other text.
    """
    try:
        scheme, _, whole = octets.decode("ascii").strip().partition(":")
        before, _, after = whole.partition("?")
        path, query = _pairs(before, ";"), _pairs(after, "&")
        key_id = query.get("x-sinetti-key-id")
        pin_file = query["pin-source"].removeprefix("file:")
        place = TokenLocation(Path(unquote(query["module-path"])), unquote(path["token"]), Path(unquote(pin_file)))
        token_key = TokenKey(
            place, unquote_to_bytes(path["id"]), unquote(path["object"]), None, path.get("type", "private")
        )
    except (ValueError, KeyError):
        token_key, key_id, scheme = None, None, ""
    if (
        token_key is None
        or scheme != "pkcs11"
        or not token_key.id
        or (key_id is not None and not _KEY_ID.fullmatch(key_id))
    ):
        raise ValueError("this is not the URI of a key in a token")
    return replace(token_key, key_id=None if key_id is None else KeyId(key_id))


def placed(key: TokenKey, known: TokenLocation | None) -> TokenKey:
    """Return a key with module and PIN file of a known token, if it has the label.

    Both can thus be moved.
    """
    return replace(key, place=known) if known is not None and known.label == key.place.label else key


def load_location(text: str, default: TokenLocation | None) -> TokenLocation:
    """Parse the URI of a token.

    An example is `pkcs11:token=LABEL?module-path=FILE&pin-source=file:FILE`.

    Module and PIN file that the URI lacks come from `default`. Raises ValueError for any other text.
    """
    scheme, _, whole = text.strip().partition(":")
    before, _, after = whole.partition("?")
    path, query = (
        dict(_pair(attribute) for attribute in before.split(";")),
        dict(_pair(attribute) for attribute in after.split("&") if attribute),
    )
    if scheme != "pkcs11" or set(path) != {"token"} or not set(query) <= {"module-path", "pin-source"}:
        raise ValueError(
            "this is not the URI of a token, such as pkcs11:token=LABEL?module-path=FILE&pin-source=file:FILE"
        )
    module, pin_file = query.get("module-path"), query.get("pin-source", "").removeprefix("file:")
    if default is None and not (module and pin_file):
        raise ValueError("the URI of the token needs module-path and pin-source: no token is the authority's own")
    return TokenLocation(
        default.module if default is not None and not module else Path(unquote(module or "")),
        unquote(path["token"]),
        default.pin_file if default is not None and not pin_file else Path(unquote(pin_file)),
    )


def _pairs(text: str, between: str) -> dict[str, str]:
    return dict(_pair(part) for part in text.split(between))


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, value


def _quoted(value: str) -> str:
    return quote(value, safe=_UNRESERVED + "/")
