"""Trust lists of one process, which asks for them.

It never goes back to a lower number. A list that does not come, or does not count, makes no certificate acceptable
(docs/operators/succession.md).
"""

import logging
import os
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from sinetti.gateway.revocation.bridge import Bridge
from sinetti.gateway.revocation.crl_fetch import TAG, CrlDownload, fetch
from sinetti.gateway.trust_lists.content import TrustContent, TrustListSettings
from sinetti.gateway.trust_lists.folder import FileMarks, ListCheck, TrustListFolder
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.infra.http_client import HttpError, HttpRequest, HttpResponse, send_request
from sinetti.pki.policy_oids import channel_from_policy
from sinetti.pki.trust_lists.lists import LARGEST, InvalidTrustList, TrustListKind
from sinetti.pki.trust_lists.verification import HeldLists, ListReader, verify_next

ASKED_EVERY: Final = 20.0
"""Seconds between requests of a process that serves, give or take a quarter."""

BEHIND_AFTER: Final = timedelta(seconds=60)
"""Time without a confirmation of a list from which on an operator has to know."""

_WITHIN, _LOOK_AGAIN = 10.0, 1.0
_FOUND, _UNCHANGED, _NONE = 200, 304, 404
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_log = logging.getLogger(__name__)


class TrustLists:
    """The lists of one process. Thread-safe."""

    def __init__(
        self,
        settings: TrustListSettings,
        *,
        now: Callable[[], datetime] = utc_now,
        send: Callable[[HttpRequest], HttpResponse] = send_request,
        bridge: Bridge | None = None,
    ) -> None:
        """Read the stored lists. `now` dates requests and verifies new lists."""
        self.settings, self.bridge = settings, bridge or Bridge()
        self._folder, self._now, self._send = TrustListFolder(settings), now, send
        self._reading, self._fetching = threading.Lock(), threading.Lock()
        self._content, self._look_at = TrustContent(), 0.0
        self._marks: FileMarks | None = ()
        self._first_lists: Callable[[], Sequence[CrlDownload]] | None = None
        self._kept_by: int | None = None
        self.current()

    def current(self) -> TrustContent:
        """Return the newest content; what another process stored counts within a second."""
        if monotonic_seconds() >= self._look_at and self._reading.acquire(blocking=False):
            try:
                self._look_at = monotonic_seconds() + _LOOK_AGAIN
                self._read_anew()
            finally:
                self._reading.release()
        if self._first_lists is not None and self._kept_by != os.getpid():  # a fork has no threads of its parent
            self._kept_by = os.getpid()
            threading.Thread(target=self._keep_current, name="trust-lists", daemon=True).start()
        return self._content

    def keep_current(self, first_lists: Callable[[], Sequence[CrlDownload]] = list) -> None:
        """Ask for the lists in a thread of each process that uses this object.

        `first_lists` returns the revocation lists of added CAs; those without a file are fetched, too.
        """
        self._first_lists = first_lists

    def stop(self) -> None:
        """End the thread after its present round; other lists replace these."""
        self._first_lists = None

    def fetch(self, *kinds: TrustListKind) -> tuple[ListCheck, ...]:
        """Ask for lists of these kinds, of both kinds without any, and store new ones.

        Errors of the network and the disk, and lists that do not count, are part of the result.
        """
        with self._fetching:
            before = self._folder.checks()
            list_checks = {kind: self._fetch(before[kind]) for kind in kinds or tuple(TrustListKind)}
            with suppress(OSError):  # the trouble of a full disk is in the result of a list, if one came
                self._folder.store_checks({**before, **list_checks})
        return tuple(list_checks.values())

    def notices(self) -> list[str]:
        """Return a sentence for each list that is behind, waits, or was refused."""
        now, found = self._now(), []
        for check in self._folder.checks().values():
            if check.trouble is not None:
                found.append(f"list of {check.kind.value}: {check.trouble}")
            elif check.checked is None or now - check.checked > BEHIND_AFTER:
                last = "has never confirmed it"
                if check.checked is not None:
                    last = f"confirmed it last at {check.checked:%Y-%m-%dT%H:%M:%SZ}"
                found.append(f"list of {check.kind.value}: behind; {self.settings.url} {last}")
        return found

    def checks(self) -> tuple[ListCheck, ...]:
        """Return the last check of each list, with the number that this process uses."""
        list_checks = self._folder.checks()
        return tuple(replace(list_checks[kind], number=self._number(kind)) for kind in TrustListKind)

    def unready(self) -> list[str]:
        """Return why no certificate is accepted."""
        damage = self.current().damage
        return [] if damage is None else [damage]

    def address_of(self, certificate: x509.Certificate, kind: str, end: str = "") -> str | None:
        """Return the address of an added CA's lists (`crl`) or answers (`ocsp`).

        It is None for other CAs.
        """
        if certificate not in self._content.added:
            return None
        named = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        name = str(named[0].value).replace(" ", "") if named else ""
        return f"{self.settings.url}/{kind}/{name}{end}" if _NAME.fullmatch(name) else None

    def ocsp_address(self, issuer: x509.Certificate) -> str | None:
        """Return the address of an added CA's answers, or None."""
        return self.address_of(issuer, "ocsp")

    def downloads(self, crls: Path, listed: Sequence[x509.Certificate]) -> tuple[CrlDownload, ...]:
        """Return the revocation lists of added CAs that issue to holders.

        Those of CAs in `listed` are left out.
        """
        crl_downloads = []
        for certificate in self.current().added:
            issuer = None if certificate in listed else authority_of(certificate)
            url = self.address_of(certificate, "crl", ".crl")
            if issuer is not None and url is not None and channel_from_policy(certificate) is not None:
                crl_downloads.append(CrlDownload(url, crls / url.rpartition("/")[2], issuer))
        return tuple(crl_downloads)

    def _keep_current(self) -> None:
        while (first_lists := self._first_lists) is not None and self._kept_by == os.getpid():
            try:
                for check in self.fetch():
                    if check.is_changed:
                        facts = {"kind": check.kind.value, "number": check.number}
                        _log.warning("a new trust list counts", extra={"facts": facts})
                for crl_download in first_lists():
                    if not crl_download.file.exists():
                        fetch(crl_download)
            except Exception as bad:  # noqa: BLE001 - the thread goes on after any error
                _log.error("trust lists were not fetched", extra={"facts": {"error": type(bad).__name__}})
            threading.Event().wait(ASKED_EVERY * (0.75 + secrets.randbelow(500) / 1000))

    def _fetch(self, before: ListCheck) -> ListCheck:
        kind, url = before.kind, f"{self.settings.url}/trust/{before.kind.value}"
        is_held, etag = 0 < before.number == self._number(kind), before.etag
        headers = {"Accept": "application/json"} | ({"If-None-Match": etag} if is_held and etag is not None else {})
        is_changed = False
        try:
            reply = self._send(HttpRequest(url, headers=headers, limit=LARGEST, within=_WITHIN))
            if reply.status == _FOUND:
                is_changed = self._take(kind, reply.body)
                etag = reply.headers.get("etag", "")
            elif reply.status != (_UNCHANGED if self._number(kind) else _NONE):
                raise InvalidTrustList(f"{url} answered with HTTP status {reply.status}")  # noqa: TRY301 - the same result as a list that does not count
            number = self._number(kind)
            return ListCheck(
                kind, self._now(), number, None, etag if etag and TAG.fullmatch(etag) else None, is_changed
            )
        except HttpError as away:
            trouble = f"{url} gave no complete answer ({away})"
        except InvalidTrustList as bad:
            trouble = f"refused: {bad}"
        except OSError as failed:
            trouble = f"a new list waits, since {self.settings.folder} cannot be written ({failed.strerror or failed})"
        return replace(before, number=self._number(kind), trouble=trouble, etag=None)

    def _take(self, kind: TrustListKind, octets: bytes) -> bool:
        """Verify and store a list; return False for the one in use.

        Raises InvalidTrustList and OSError.
        """
        with self._reading:
            self._read_anew()
            content = self._content
            roots = tuple(dict.fromkeys((*self.settings.roots, *content.roots)))
            held = HeldLists(content.anchors, content.distrust, content.is_by_root)
            new = verify_next(kind, octets, held, ListReader(self.settings.environment, roots), self._now())
            if new is None:
                return False
            self._folder.store(new, octets)
            self._read_anew()
        self.bridge.forget()
        return True

    def _number(self, kind: TrustListKind) -> int:
        held = self.current().list_of(kind)
        return 0 if held is None else held.number

    def _read_anew(self) -> None:
        """Read the files if they changed. A folder that cannot be read is damage."""
        try:
            marks = self._folder.marks()
        except OSError as failed:
            folder = self.settings.folder
            sentence = (
                f"{folder} cannot be read ({failed.strerror}), so no certificate is accepted: let this user read it"
            )
            self._marks, self._content = None, replace(self._content, damage=sentence)
            return
        if marks != self._marks:
            self._marks, self._content = marks, self._folder.load(self._content)
