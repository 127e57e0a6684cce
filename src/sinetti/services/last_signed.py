"""Last signed lists and answers of a node, for the time without its database.

Lists are in files, which all processes of the node share. OCSP responses that a process has read are in its memory, and
answer a GET at other times too. docs/operators/serving.md says what a reader may see, and docs/relying/ocsp.md which
answers to a GET are from memory.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TypeVar

from cryptography import x509

from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.issuance.crls import WHOLE, PublishedList
from sinetti.database.issuance.ocsp_responses import StoredResponse
from sinetti.domain.certificates.ocsp_status import CertIdHash, CertStatus, SingleResponse
from sinetti.domain.values import Serial
from sinetti.infra.atomic_files import lock_folder, replace_file
from sinetti.infra.clock import boottime_seconds

ANSWERS_AT_MOST = 20_000
"""OCSP responses in the memory of one process, some 20 MB."""

NUMBER_COUNTS_FOR = 1.0
"""Seconds from the question for which the last status change's number counts.

So no answer from memory is older than a revocation by more. server/event_stream.py has how often a process asks.
"""

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Mark = tuple[int, int, int]


@dataclass(frozen=True)
class _FileList:
    """A list in a file, with the mark of the file's version."""

    mark: _Mark
    der: bytes
    crl: x509.CertificateRevocationList
    number: int


@dataclass(frozen=True)
class _KeptAnswer:
    """A response, and the number of the last status change from before it was read."""

    response: SingleResponse
    der: bytes
    number: int | None


class LastSigned:
    """Lists, checkpoint and OCSP responses that were signed last.

    Without a folder, as on a test bench, nothing is kept.
    """

    def __init__(self, folder: Path | None = None, *, must_write: bool = False) -> None:
        """Store the folder; it is created with its first file.

        With `must_write`, a list that cannot be written is an error for the caller, too.
        """
        self.folder, self._must_write = folder, must_write
        self._answers: OrderedDict[tuple[str, Serial, CertIdHash], _KeptAnswer] = OrderedDict()
        self._number: tuple[int, float] | None = None
        self._lists: dict[Path, _FileList] = {}
        self._answers_lock, self._asking = Lock(), Lock()
        self._is_away = False

    def read_or(self, read: Callable[[], _Result], otherwise: Callable[[], _Result | None]) -> _Result:
        """Return what `read` returns, or, without the database, what `otherwise` finds.

        While the database is away, one thread at a time asks it again, so that callers do not wait for a server that
        does not answer. Raises the database's error if `otherwise` returns None.
        """
        asks_again = self._is_away and self._asking.acquire(blocking=False)
        try:
            if self._is_away and not asks_again and (found := otherwise()) is not None:
                return found
            result = read()
            self._report(is_away=False)
        except DATABASE_UNAVAILABLE:
            self._report(is_away=True)
            if (found := otherwise()) is None:
                raise
            return found
        else:
            return result
        finally:
            if asks_again:
                self._asking.release()

    def _report(self, *, is_away: bool) -> None:
        if is_away != self._is_away:
            self._is_away = is_away
            said = "the database is away: status requests are answered from what was signed last"
            _log.log(logging.WARNING if is_away else logging.INFO, said if is_away else "the database is back")

    def keep_list(self, authority: str, shard: int, new: PublishedList) -> None:
        """Replace the file of a list, unless it has a later number.

        If the file cannot be replaced, it is removed: no answer is better than one that lacks a revocation. Raises
        OSError only if lists must be written.
        """
        path = self._path(f"crl/{list_file(authority, shard)}")
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with lock_folder(path.parent):
                kept = self._read_list(path)
                if kept is None or kept.number < new.number:
                    replace_file(path, new.der)
        except OSError as failed:
            try:
                path.unlink(missing_ok=True)
                _log.warning("%s cannot be written, so it was removed: %s", path, failed)
            except OSError:
                _log.exception("%s cannot be written or removed, so readers may get the old list", path)
            if self._must_write:
                raise

    def list_number(self, authority: str, shard: int) -> int | None:
        """Return the number of the list in the file, or None without a readable file."""
        path = self._path(f"crl/{list_file(authority, shard)}")
        kept = None if path is None else self._read_list(path)
        return None if kept is None else kept.number

    def find_list(self, authority: str, shard: int, now: datetime | None) -> PublishedList | None:
        """Return the list in the file, or None without one that is valid at `now`.

        `now` None: an expired one, too.
        """
        path = self._path(f"crl/{list_file(authority, shard)}")
        kept = None if path is None else self._read_list(path)
        ends = None if kept is None else kept.crl.next_update_utc
        if kept is None or ends is None or (now is not None and now > ends):
            return None
        return PublishedList(kept.number, kept.crl.last_update_utc, ends, 0, kept.der)

    def has_expired(self, path: Path, now: datetime) -> bool:
        """Return whether a file of this folder is no list, or a list past its nextUpdate."""
        kept = self._read_list(path)
        ends = None if kept is None else kept.crl.next_update_utc
        return ends is None or now > ends

    def keep(self, place: str, octets: bytes) -> None:
        """Replace another file, such as `log/checkpoint`, if its content changed.

        Raises OSError.
        """
        path = self._path(place)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with lock_folder(path.parent):
                if _read(path) != octets:
                    replace_file(path, octets)

    def find(self, place: str) -> bytes | None:
        """Return the content of another file, or None if there is none."""
        path = self._path(place)
        return None if path is None else _read(path)

    def remember_number(self, number: int, asked_at: float) -> None:
        """Keep the number of the last status change, with the tick of the question for it."""
        self._number = number, asked_at

    @property
    def status_number(self) -> int | None:
        """Number of the last status change, or None if the last question is too old.

        The clock counts the time that the machine sleeps, too: others may have revoked meanwhile.
        """
        seen = self._number
        return None if seen is None or boottime_seconds() - seen[1] > NUMBER_COUNTS_FOR else seen[0]

    def remember(self, response: StoredResponse, asked: CertIdHash, number: int | None) -> None:
        """Keep a stored response in memory, if it reports the certificate's status.

        `number` is that of the last status change, taken before the response was read.
        """
        subject = response.subject
        key = (subject.authority, subject.serial, asked)
        if self.folder is None:
            return
        with self._answers_lock:
            self._answers.pop(key, None)
            if (
                response.response is not None
                and response.der is not None
                and response.response.status == subject.status
            ):
                self._answers[key] = _KeptAnswer(
                    response.response, response.der, number if response.is_announced else None
                )
                if len(self._answers) > ANSWERS_AT_MOST:
                    self._answers.popitem(last=False)

    def find_current(self, authority: str, serial: Serial, asked: CertIdHash) -> tuple[SingleResponse, bytes] | None:
        """Return a response from memory.

        Returns None if there is none, or if the certificate's status may have changed since.
        """
        number = self.status_number
        with self._answers_lock:
            kept_answer = self._answers.get((authority, serial, asked))
        if kept_answer is None or number is None or kept_answer.number != number:
            return None
        return kept_answer.response, kept_answer.der

    def find_answer(
        self, authority: str, serial: Serial, asked: CertIdHash, now: datetime
    ) -> tuple[SingleResponse, bytes] | None:
        """Return a response from memory, or None.

        A response that says "good" counts only beside a valid list of its CA without this certificate: another process
        may have revoked it since.
        """
        with self._answers_lock:
            kept_answer = self._answers.get((authority, serial, asked))
        if kept_answer is None or now > kept_answer.response.next_update:
            return None
        if kept_answer.response.status.cert_status is not CertStatus.GOOD or self._is_unlisted(authority, serial, now):
            return kept_answer.response, kept_answer.der
        return None

    def _is_unlisted(self, authority: str, serial: Serial, now: datetime) -> bool:
        path = self._path(f"crl/{list_file(authority, WHOLE)}")
        if path is None or self.find_list(authority, WHOLE, now) is None:
            return False
        return self._lists[path].crl.get_revoked_certificate_by_serial_number(int(serial, 16)) is None

    def _path(self, place: str) -> Path | None:
        return None if self.folder is None else self.folder / place

    def _read_list(self, path: Path) -> _FileList | None:
        """Read a list's file, once for each version."""
        try:
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._lists.get(path)
            if known is not None and known.mark == mark:
                return known
            der = path.read_bytes()
            crl = x509.load_der_x509_crl(der)
            number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except (OSError, ValueError, x509.ExtensionNotFound):
            return None
        self._lists[path] = known = _FileList(mark, der, crl, number)
        return known


def list_file(authority: str, shard: int) -> str:
    """Return the file name of a list, as in its address."""
    return f"{authority}.crl" if shard == WHOLE else f"{authority}-{shard}.crl"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
