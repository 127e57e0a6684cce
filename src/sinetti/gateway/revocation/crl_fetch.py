"""`sinetti gateway fetch`: downloads revocation lists and stores the valid ones.

Addresses come from the settings. Plain http is sufficient: the issuer's signature alone proves a list. A stored list
is replaced only by one of the same issuer that is not older, by number and by thisUpdate (RFC 5280, 5.2.3). An
attacker on the network can therefore withhold new lists, which the age of the stored list reveals, but cannot restore
old ones. A failing address does not affect the others. A run that is killed leaves each file either old or new; the
next run repeats the work. Processes that fetch at the same time compare and replace one after the other.
"""

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from sinetti.gateway.revocation.crl import LARGEST_LIST, CrlSource, InvalidCrl, VerifiedCrl
from sinetti.gateway.x509.path_validation import CaCertificate
from sinetti.infra import atomic_files
from sinetti.infra.http_client import HttpError, HttpRequest, send_request
from sinetti.infra.urls import InvalidUrl, check_url

WITHIN: Final = 30.0
"""Seconds for the complete download of one list."""

_FOUND, _UNCHANGED = 200, 304
TAG = re.compile(r'(?:W/)?"[!#-~]{0,200}"')
"""Entity tags that are sent back (RFC 9110, 8.8.3).

The length is limited, because the server would reject every later request with a longer one.
"""


class NotFetched(Exception):
    """Failed download of a list; the text has the reason."""


@dataclass(frozen=True)
class CrlDownload:
    """List to download: its address, its file, and the CA that signs it."""

    url: str
    file: Path
    issuer: CaCertificate


@dataclass(frozen=True)
class DownloadResult:
    """Outcome for one list.

    `changed`: the file is new. `trouble`: the reason of a failure, or None. `number`: that of the list in the file, if
    there was no failure and it has one.
    """

    wanted: CrlDownload
    changed: bool
    trouble: str | None = None
    number: int | None = None


@dataclass(frozen=True)
class _StoredCrl:
    """Stored list: its octets, and the entity tag that came with them, if known."""

    octets: bytes
    signed: VerifiedCrl
    etag: str | None


def fetch(wanted: CrlDownload, within: float = WITHIN) -> DownloadResult:
    """Download one list, and store it if it is valid.

    Errors of the network or the disk are part of the result and are not raised.
    """
    try:
        check_url(wanted.url)
        return _fetch(wanted, within)
    except (NotFetched, InvalidUrl) as why:
        return DownloadResult(wanted, changed=False, trouble=str(why))
    except OSError as failed:
        return DownloadResult(wanted, changed=False, trouble=f"{wanted.file}: {failed.strerror or failed}")


def _fetch(wanted: CrlDownload, within: float) -> DownloadResult:
    """Download one list and store it. Raises NotFetched and OSError."""
    kept = _kept(wanted)
    got = _get(wanted.url, None if kept is None else kept.etag, within)
    if got is None:
        return DownloadResult(wanted, changed=False, number=None if kept is None else kept.signed.read.number)
    octets, etag = got
    fresh = _signed(octets, wanted.issuer)
    if fresh is None:
        _refuse("the retrieved file is not an accepted revocation list signed by its CA")
    with atomic_files.lock_folder(wanted.file.parent):
        # Another process may have stored a newer list during the download.
        kept = _kept(wanted, kept)
        if kept is not None:
            _not_back(kept.signed, fresh)
        if kept is None or kept.octets != octets:
            atomic_files.write_atomic(wanted.file, octets)
        if etag is not None:
            note = {"etag": etag, "sha256": hashlib.sha256(octets).hexdigest()}
            atomic_files.write_atomic(_tag_file(wanted.file), json.dumps(note).encode())
    return DownloadResult(wanted, changed=kept is None or kept.octets != octets, number=fresh.read.number)


def current_file(wanted: CrlDownload) -> tuple[VerifiedCrl, ...]:
    """Return the stored list if its CA signed it, else an empty tuple."""
    try:
        kept = _kept(wanted)
    except OSError:
        return ()
    return () if kept is None else (kept.signed,)


def _kept(wanted: CrlDownload, known: _StoredCrl | None = None) -> _StoredCrl | None:
    """Return the stored list; None if there is none that its CA signed.

    `known`: the list that was there before, which is not verified again.
    """
    try:
        octets = wanted.file.read_bytes()
    except FileNotFoundError:
        return None
    if known is not None and known.octets == octets:
        return known
    signed = _signed(octets, wanted.issuer)
    return None if signed is None else _StoredCrl(octets, signed, _etag(wanted.file, octets))


def _etag(file: Path, octets: bytes) -> str | None:
    """Return the entity tag of the stored list.

    None if the note is missing, broken, or about other octets.
    """
    with suppress(OSError, ValueError, TypeError, KeyError):
        note = json.loads(_tag_file(file).read_bytes())
        if note["sha256"] == hashlib.sha256(octets).hexdigest() and isinstance(note["etag"], str):
            return note["etag"]
    return None


def _tag_file(file: Path) -> Path:
    # Hidden, so that readers of the folder do not take it for a list.
    return file.with_name(f".{file.name}.etag")


def _signed(octets: bytes, issuer: CaCertificate) -> VerifiedCrl | None:
    try:
        return next(iter(CrlSource([octets]).signed_by(issuer)), None)
    except InvalidCrl:
        return None


def _not_back(kept: VerifiedCrl, fresh: VerifiedCrl) -> None:
    if fresh.read.scope != kept.read.scope:
        _refuse("the retrieved list covers other certificates than the list in use: check the address")
    if (fresh.read.number or 0) < (kept.read.number or 0):
        _refuse("the retrieved list has a lower number than the list in use: an attacker or a cache sent an old list")
    if fresh.read.this_update < kept.read.this_update:
        _refuse("the retrieved list is older than the list in use: an attacker or a cache sent an old list")


def _get(url: str, etag: str | None, within: float) -> tuple[bytes, str | None] | None:
    """Download a list and return its octets and entity tag.

    Returns None if the server still has the version of `etag`. Raises NotFetched if the download fails.
    """
    headers = {"Accept": "application/pkix-crl"} | ({} if etag is None else {"If-None-Match": etag})
    try:
        reply = send_request(HttpRequest(url, headers=headers, limit=LARGEST_LIST, within=within))
    except HttpError as why:
        _refuse(f"{url} gave no complete answer ({why})")
    if reply.status == _UNCHANGED and etag is not None:
        return None
    if reply.status != _FOUND:
        _refuse(f"{url} answered with HTTP status {reply.status}")
    tag = reply.headers.get("etag", "")
    return reply.body, tag if TAG.fullmatch(tag) else None


def _refuse(why: str) -> NoReturn:
    raise NotFetched(why) from None
