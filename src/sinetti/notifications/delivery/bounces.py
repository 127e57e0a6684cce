"""Bounces, read from a maildir (docs/operators/bounces.md).

An address with a permanent bounce is marked. For each returned mail this module finds the message and the delivery
status of the address.

Anyone can send anything to a return address. So the amount that is read is limited, and the library parses no field
but Content-Type: its field parsers take quadratic time.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from enum import StrEnum
from pathlib import Path
from stat import S_ISREG
from typing import Any

from sinetti.database.notifications import bounces
from sinetti.database.notifications.bounces import BounceMarks
from sinetti.domain.link_tokens import bounce_token, constant_time_equal
from sinetti.domain.notifications.bounces import BounceType, DeliveryStatus, classify
from sinetti.domain.secret_keys import Keyring, SecretPurpose
from sinetti.notifications.context import NotificationContext

LARGEST = 1024 * 1024
"""Octets of a mail that are read.

Reports with a whole message of ours have less than a tenth of it.
"""

_MOST_TYPES, _LONGEST_TYPE, _LARGEST_TYPES = 100, 1000, 10_000
"""Most Content-Type fields, octets of each, and octets of all.

A field of 1000 octets can take 30 ms.
"""
_MOST_LINES = 20_000
"""Most lines of a mail; LARGEST octets in base64 have fewer.

An empty line may begin a group of fields, which costs the library 40 microseconds and 400 octets. A million of them
would take most of a minute.
"""
_MOST_ADDRESSES = 20

_TO = re.compile(
    rb"^(?:delivered-to|x-original-to|envelope-to|x-envelope-to|x-delivered-to|to):([^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
"""Header fields with the recipient's address, by the habits of several MTAs."""
_RETURN_ADDRESS = re.compile(rb"\+([0-9a-f]{32})\.([a-z2-7]{16})@")
_CONTENT_TYPE = re.compile(rb"^content-type:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)


class UnreadableError(Exception):
    """A mail that is invalid, or that no MTA writes. It has no content to report."""


@dataclass(frozen=True)
class BounceMail:
    """The message id that a mail refers to, or None without a return address of ours.

    Without one nothing more of the mail is read.
    """

    message_id: str | None
    verdict: BounceType = BounceType.OTHER


def parse(octets: bytes, ring: Keyring) -> BounceMail:
    """Parse one mail.

    `ring` has the keys of the tokens in return addresses. Raises UnreadableError.
    """
    if len(octets) > LARGEST:
        raise UnreadableError
    # The library ends lines at a lone CR too. All line ends are made equal, so that the first check sees every field.
    octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    message_id = _about(octets.partition(b"\n\n")[0], ring)
    if message_id is None:
        return BounceMail(None)
    if octets.count(b"\n") > _MOST_LINES:
        raise UnreadableError
    return BounceMail(message_id, _verdict(octets))


def _about(fields: bytes, ring: Keyring) -> str | None:
    found = [pair for value in _TO.findall(fields) for pair in _RETURN_ADDRESS.findall(value.lower())]
    for message_id, token in found[:_MOST_ADDRESSES]:
        about, given = str(message_id, "ascii"), str(token, "ascii")
        if any(constant_time_equal(given, bounce_token(key.octets, about)) for key in ring.every(SecretPurpose.MAIL)):
            return about
    return None


def _verdict(octets: bytes) -> BounceType:
    kinds = _CONTENT_TYPE.findall(octets)
    lengths = [len(kind) for kind in kinds]
    if len(kinds) > _MOST_TYPES or max(lengths, default=0) > _LONGEST_TYPE or sum(lengths) > _LARGEST_TYPES:
        raise UnreadableError
    try:
        mail = BytesParser(policy=policy.default).parsebytes(octets)
        submitted = [value.partition(";")[0].strip() for value in _fields(mail, "auto-submitted")]
        return classify(_delivery_statuses(mail), automatic=any(value != "no" for value in submitted))
    # The library lets all errors of its parsers through, down to RecursionError; its own errors are the rarest.
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError, AssertionError) as error:
        raise UnreadableError from error


def _delivery_statuses(mail: "Message[Any, Any]") -> Iterator[DeliveryStatus]:
    """Yield the delivery status of each recipient of a report.

    They are the groups of fields after the first (RFC 3464, 2.1).
    """
    # OpenSMTPD puts the report into a multipart/mixed. The returned copy of our message is not read.
    for each in mail.iter_parts() if mail.is_multipart() else ():  # type: ignore[attr-defined] # the policy's class
        if each.get_content_type() == "message/delivery-status" and isinstance(groups := each.get_payload(), list):
            for group in groups[1:]:
                yield DeliveryStatus(_field(group, "action"), _field(group, "status"))


def _field(message: "Message[Any, Any]", name: str) -> str:
    return next(iter(_fields(message, name)), "")


def _fields(message: "Message[Any, Any]", name: str) -> list[str]:
    """Return the values of a field in order of appearance, in lower case."""
    return [str(value).lower() for text, value in message.raw_items() if text.lower() == name]


AT_ONCE = 10_000
"""Mails per round; the others wait for the next one."""

_SEEN, _FLAGGED = ":2,S", ":2,FS"
"""Suffixes of file names in cur/: read, or read and flagged for a clerk.

These are maildir's own flags.
"""


class BounceResult(StrEnum):
    """Result of one mail."""

    MARKED = "marked"
    MARKED_BEFORE = "marked-before"
    SOFT = "soft"
    AUTOMATIC = "automatic"
    OTHER = "other"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class BounceReport:
    """Counts of mails by result.

    `stuck` ones could not be moved out of new/ and are read again.
    """

    marked: int = 0
    marked_before: int = 0
    soft: int = 0
    automatic: int = 0
    other: int = 0
    unknown: int = 0
    unreadable: int = 0
    stuck: int = 0


def read_returns(ctx: NotificationContext, maildir: Path, now: datetime) -> BounceReport:
    """Read new mails of a maildir; move each to cur/ once its result is committed.

    After an interruption the same mail is read again and changes nothing. Raises OSError if the maildir does not
    exist, and the exceptions in DATABASE_UNAVAILABLE; unread mails then stay in new/.
    """
    new, cur = maildir / "new", maildir / "cur"
    counts: dict[str, int] = {}
    for name in _names(new):
        outcome = _take(ctx, new / name, now)
        ctx.step("return-noted")
        counts[outcome] = counts.get(outcome, 0) + 1
        if not _moved(new / name, cur, outcome):
            counts["stuck"] = counts.get("stuck", 0) + 1
    return BounceReport(**{name.replace("-", "_"): count for name, count in counts.items()})


def _names(folder: Path) -> Iterator[str]:
    """Yield names in order of arrival, as maildir has it.

    Names that begin with a dot are no mails.
    """
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    yield from names[:AT_ONCE]


def _take(ctx: NotificationContext, path: Path, now: datetime) -> BounceResult:
    try:
        bounce_mail = parse(_octets(path), ctx.keys())
    except (OSError, UnreadableError):
        return BounceResult.UNREADABLE
    return _noted(ctx, bounce_mail, now)


def _noted(ctx: NotificationContext, bounce_mail: BounceMail, now: datetime) -> BounceResult:
    if bounce_mail.message_id is None:
        return BounceResult.UNKNOWN
    if bounce_mail.verdict is not BounceType.HARD:
        return BounceResult(bounce_mail.verdict.value)
    marked = bounces.mark_bounced(ctx.db, bounce_mail.message_id, now)
    return _OUTCOMES[marked]


_OUTCOMES = {
    BounceMarks.NEW: BounceResult.MARKED,
    BounceMarks.BEFORE: BounceResult.MARKED_BEFORE,
    BounceMarks.UNKNOWN: BounceResult.UNKNOWN,
}


def _octets(path: Path) -> bytes:
    """Return a plain file's octets, up to one more than the limit.

    Raises OSError, for other kinds of files too.
    """
    # Symbolic links are not followed, and files that would block are not read.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST + 1)
    finally:
        os.close(descriptor)


def _moved(path: Path, cur: Path, outcome: BounceResult) -> bool:
    flags = _FLAGGED if outcome in {BounceResult.OTHER, BounceResult.UNKNOWN, BounceResult.UNREADABLE} else _SEEN
    try:
        path.rename(cur / f"{path.name.partition(':')[0]}{flags}")
    except OSError:
        return False
    return True
