"""`sinetti gateway fetch`: gets revocation lists from configured addresses, and keeps those that count.

http will do: a list is signed, and is believed by its issuer's signature alone. A list in place is only ever replaced
by one of the same issuer that is not older, by number and by thisUpdate (RFC 5280, 5.2.3); so whoever stands between
can withhold news, which its age then tells, and can bring back nothing. One bad address stops no other. A run that is
killed leaves each file as it was or new, and is done again by the next.
"""

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from cryptography import x509

from sinetti.gateway.revocation.crl import LARGEST_LIST, CrlSource, InvalidCrl, VerifiedCrl
from sinetti.gateway.x509.path_validation import CaCertificate
from sinetti.infra import atomic_files
from sinetti.infra.http_client import HttpError, HttpRequest, InvalidUrl, check_url, send_request

WITHIN: Final = 30.0
"""Seconds for one list, whatever the other side does meanwhile."""

_FOUND, _UNCHANGED = 200, 304
_TAG = re.compile(r'(?:W/)?"[!#-~]{0,200}"')
"""Entity tags that are sent back (RFC 9110, 8.8.3): a long one would have every later request refused."""


class NotFetched(Exception):
    """There is no new list; the text says why."""


@dataclass(frozen=True, slots=True)
class CrlDownload:
    """A list to keep: where it comes from, where it goes, and who signs it."""

    url: str
    file: Path
    issuer: CaCertificate


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """What became of one list: `changed` tells whether the file is new, `trouble` why it is not, if it could not be."""

    wanted: CrlDownload
    changed: bool
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class _StoredCrl:
    """What is in place: its octets, and the entity tag under which they came, if that is known."""

    octets: bytes
    signed: VerifiedCrl
    etag: str | None


def fetch(wanted: CrlDownload, within: float = WITHIN) -> DownloadResult:
    """Get one list, and put it in place if it counts.

    Raises nothing that an address or a disk could cause.
    """
    try:
        check_url(wanted.url)
        kept = _kept(wanted)
        got = _get(wanted.url, None if kept is None else kept.etag, within)
        if got is None:
            return DownloadResult(wanted, changed=False)
        octets, etag = got
        fresh = _signed(octets, wanted.issuer)
        if fresh is None:
            _refuse("what came is no revocation list that its CA signed, or one of a kind that is not taken")
        if kept is not None:
            _not_back(kept.signed, fresh)
        if kept is None or kept.octets != octets:
            atomic_files.write_atomic(wanted.file, octets)
        if etag is not None:
            note = {"etag": etag, "sha256": hashlib.sha256(octets).hexdigest()}
            atomic_files.write_atomic(_tag_file(wanted.file), json.dumps(note).encode())
        return DownloadResult(wanted, changed=kept is None or kept.octets != octets)
    except (NotFetched, InvalidUrl) as why:
        return DownloadResult(wanted, changed=False, trouble=str(why))
    except OSError as failed:
        return DownloadResult(wanted, changed=False, trouble=f"{wanted.file}: {failed.strerror or failed}")


def current_file(wanted: CrlDownload) -> tuple[VerifiedCrl, ...]:
    """Give the list that is in place, if its CA signed it; nothing otherwise."""
    try:
        kept = _kept(wanted)
    except OSError:
        return ()
    return () if kept is None else (kept.signed,)


def _kept(wanted: CrlDownload) -> _StoredCrl | None:
    """Give what is in place; None where nothing is, or nothing that its CA signed."""
    try:
        octets = wanted.file.read_bytes()
    except FileNotFoundError:
        return None
    signed = _signed(octets, wanted.issuer)
    return None if signed is None else _StoredCrl(octets, signed, _etag(wanted.file, octets))


def _etag(file: Path, octets: bytes) -> str | None:
    """Give the entity tag of what is in place; None where the note is missing, broken, or about other octets."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        note = json.loads(_tag_file(file).read_bytes())
        if note["sha256"] == hashlib.sha256(octets).hexdigest() and isinstance(note["etag"], str):
            return note["etag"]
    return None


def _tag_file(file: Path) -> Path:
    # Hidden, so that nobody who reads the folder takes it for a list.
    return file.with_name(f".{file.name}.etag")


def _signed(octets: bytes, issuer: CaCertificate) -> VerifiedCrl | None:
    try:
        return next(iter(CrlSource([octets]).signed_by(issuer)), None)
    except InvalidCrl:
        return None


def _not_back(kept: VerifiedCrl, fresh: VerifiedCrl) -> None:
    if fresh.read.scope != kept.read.scope:
        _refuse("what came speaks for other certificates than the list in place: look at the address")
    if _number(fresh) < _number(kept):
        _refuse("what came has a lower number than the list in place: somebody, or a cache, brought an old one back")
    if fresh.read.this_update < kept.read.this_update:
        _refuse("what came is older than the list in place: somebody, or a cache, brought an old one back")


def _number(signed: VerifiedCrl) -> int:
    """Give the CRL number; 0 where there is none: then thisUpdate alone decides."""
    try:
        return signed.read.crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def _get(url: str, etag: str | None, within: float) -> tuple[bytes, str | None] | None:
    """Give what lies at an address, and its entity tag; None where it is what `etag` names. Raises NotFetched."""
    headers = {"Accept": "application/pkix-crl"} | ({} if etag is None else {"If-None-Match": etag})
    try:
        reply = send_request(HttpRequest(url, headers=headers, limit=LARGEST_LIST, within=within))
    except HttpError as why:
        _refuse(f"{url} could not be reached, or gave no whole answer ({why})")
    if reply.status == _UNCHANGED and etag is not None:
        return None
    if reply.status != _FOUND:
        _refuse(f"{url} answered with status {reply.status}")
    tag = reply.headers.get("etag", "")
    return reply.body, tag if _TAG.fullmatch(tag) else None


def _refuse(why: str) -> NoReturn:
    raise NotFetched(why) from None
