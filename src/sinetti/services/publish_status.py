"""Publication of status as files, for a web server, a CDN or an object store.

The folder has the paths of the status address (docs/operators/serving.md). A reader never sees a list with a
certificate that an OCSP response beside it calls good: responses are replaced before lists.
"""

import logging
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sinetti.ca.ocsp import canonical_request, encode_request
from sinetti.database.evidence import log_tree
from sinetti.database.issuance import crls, ocsp_responses, status_feed
from sinetti.database.issuance.ocsp_responses import OcspResponsePair, Subject
from sinetti.database.operations import authorities
from sinetti.domain.certificates.ocsp_status import ANSWER_LIFE, CertIdHash, SingleResponse
from sinetti.domain.values import Serial
from sinetti.infra.atomic_files import replace_file
from sinetti.journal.writer import JournalUnavailable
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.authorities.trust_lists import keep_lists
from sinetti.services.context import ServiceContext
from sinetti.services.evidence import read_log
from sinetti.services.last_signed import LastSigned
from sinetti.services.status.crl import copy_lists, current_crl, has_last_list
from sinetti.wire.transparency.notes import Checkpoint, SignedNote
from sinetti.wire.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, TileName, tile_at

DIRECTORY_ANSWER = "answer"
"""File name of a response whose request ends with a slash in base64."""

OVERLAP = timedelta(seconds=15)
"""Time before the last look from which responses and revocations are read again.

A row is stored after the instant in it.
"""

_PAGE = 500
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_SLASHES = re.compile("/+")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublicationReport:
    """Numbers of OCSP files written and of files removed."""

    written: int
    removed: int


class StatusPublisher:
    """Writer of the folder; one process writes into it at a time."""

    def __init__(self, ctx: ServiceContext, folder: Path) -> None:
        """Store the folder, which has to exist."""
        self._ctx, self._folder = replace(ctx, last_signed=LastSigned(folder, must_write=True)), folder
        self._since = _BEGINNING
        self._seen: dict[tuple[str, Serial], tuple[SingleResponse, bool]] = {}
        self._tiles: dict[int, int] = {}
        self._size = self._number = 0
        self._written = self._removed = 0

    def publish(self, request_id: str) -> PublicationReport:
        """Write everything that is missing or differs, and remove what expired.

        Signs lists that are due. Raises OSError, and the errors in DATABASE_UNAVAILABLE.
        """
        self._since, self._seen, self._size, self._tiles = _BEGINNING, {}, 0, {}
        self.sign_due(request_id)
        for name, der in self._ctx.certificates.items():
            self._ctx.last_signed.keep(f"ca/{name}.cer", der)
        report = self.follow()
        self.remove_expired()
        return replace(report, removed=self._removed)

    def sign_due(self, request_id: str) -> None:
        """Sign the lists that are due, as a request at the status address does."""
        for name in self._ctx.issuers:
            for shard in range(authorities.open_shard(self._ctx.db, name) + 1):
                try:
                    current_crl(name, shard, self._ctx, request_id)
                except (SignerUnavailable, JournalUnavailable) as away:
                    _log.warning("the list of %s is due and cannot be signed now: %s", name, away)

    def has_changed(self) -> bool:
        """Return True if `follow` has a revocation or a new list to write."""
        return status_feed.last_number(self._ctx.db) != self._number

    def follow(self) -> PublicationReport:
        """Write what changed since the last call.

        Raises OSError, and the errors in DATABASE_UNAVAILABLE.
        """
        self._written = self._removed = 0
        self._number, begun = status_feed.last_number(self._ctx.db), self._ctx.now()
        before, self._seen = self._seen, {}
        for authority in self._ctx.responders:
            self._remove_former(authority)
            self._write_answers(authority, before, begun - OVERLAP)
        # After the responses: a list with a revocation comes when no response says "good" any more.
        copy_lists(self._ctx)
        keep_lists(self._ctx)
        self._write_log()
        self._since = begun - OVERLAP
        return PublicationReport(self._written, self._removed)

    def remove_expired(self) -> None:
        """Remove lists and OCSP responses past their nextUpdate. Raises OSError.

        It needs no database. A response is as old as its file says, and lives for ANSWER_LIFE at most.
        """
        now = self._ctx.now()
        kept = {name for name in self._ctx.issuers if has_last_list(name, self._ctx)}
        for path in (self._folder / "crl").glob("*.crl"):
            is_kept = not kept.isdisjoint({path.stem, path.stem.rpartition("-")[0]})
            if not is_kept and self._ctx.last_signed.has_expired(path, now):
                self._remove(path)
        for folder, _, names in os.walk(self._folder / "ocsp", topdown=False):
            for name in names:
                path = Path(folder, name)
                if name.startswith(".") or path.stat().st_mtime < (now - ANSWER_LIFE).timestamp():
                    self._remove(path)
            with suppress(OSError):  # it has other files
                Path(folder).rmdir()

    def _remove_former(self, authority: str) -> None:
        """Remove responses from before the revocation of their certificate."""
        shards = range(authorities.open_shard(self._ctx.db, authority) + 1)
        for revoked in crls.revoked_since(self._ctx.db, authority, shards, self._since):
            for path in self._answer_paths(authority, revoked.serial).values():
                with suppress(FileNotFoundError, NotADirectoryError):
                    if path.stat().st_mtime < int(revoked.revoked_at.timestamp()):
                        self._remove(path)

    def _write_answers(
        self, authority: str, before: Mapping[tuple[str, Serial], tuple[SingleResponse, bool]], again_from: datetime
    ) -> None:
        """Write the responses that `before` lacks.

        Keeps those that were signed from `again_from` on, since the next look reads them again.
        """
        for subject, pair in self._answers(authority):
            is_current = pair.response.status == subject.status and self._ctx.now() <= pair.response.next_update
            key, now_seen = (authority, pair.serial), (pair.response, is_current)
            if pair.response.this_update >= again_from:
                self._seen[key] = now_seen
            if before.get(key) == now_seen:
                continue
            for asked, path in self._answer_paths(authority, pair.serial).items():
                if is_current:
                    self._write_answer(path, pair.ders[asked], pair.response.this_update)
                elif path.is_file():
                    self._remove(path)

    def _answers(self, authority: str) -> Iterator[tuple[Subject, OcspResponsePair]]:
        after = (self._since, "")
        while True:
            page = ocsp_responses.signed_since(self._ctx.db, authority, after, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1][1].response.this_update, page[-1][1].serial

    def _answer_paths(self, authority: str, serial: Serial) -> dict[CertIdHash, Path]:
        issuer = self._ctx.issuers[authority].certificate
        requests = {
            cert_id_hash: encode_request(canonical_request(serial, cert_id_hash, issuer), issuer)
            for cert_id_hash in CertIdHash
        }
        return {
            cert_id_hash: self._folder / "ocsp" / authority / answer_path(der) for cert_id_hash, der in requests.items()
        }

    def _write_answer(self, path: Path, der: bytes, this_update: datetime) -> None:
        """Write a response, with thisUpdate as the file's date (RFC 5019, 6.2)."""
        modified = int(this_update.timestamp())
        with suppress(FileNotFoundError, NotADirectoryError):
            status = path.stat()
            if (status.st_mtime, status.st_size) == (modified, len(der)):
                return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, der, modified)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            _log.warning("%s: another request's path begins with it, so the service answers this one", path)
        else:
            self._written += 1

    def _write_log(self) -> None:
        """Write new tiles, then the checkpoint that they belong to."""
        kept, db = self._ctx.last_signed, self._ctx.db
        note, key = read_log.head(db), read_log.key(db)
        if note is None or key is None:
            return
        for name in self._new_tiles(Checkpoint.parse(SignedNote.parse(note).text).size):
            kept.keep(f"log/{name.path}", log_tree.get_tile(db, name))
            if name.width == TILE_WIDTH:
                shutil.rmtree(self._folder / "log" / f"{name.path}.p", ignore_errors=True)
        kept.keep("log/key", f"{key}\n".encode())
        kept.keep("log/checkpoint", note)

    def _new_tiles(self, size: int) -> Iterator[TileName]:
        """Yield the tiles that a tree of this size has and the last one had not."""
        level, before, self._size = 0, self._size, size
        while size != before and (hashes := size >> (TILE_HEIGHT * level)) > 0:
            first, self._tiles[level] = self._tiles.get(level, 0), hashes // TILE_WIDTH
            for index in range(first, -(-hashes // TILE_WIDTH)):
                yield tile_at(level, index, size)
            level += 1

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._removed += 1


def answer_path(request: bytes) -> str:
    """Return the path of the response to a GET request, below its CA's.

    It is the base64 of the request as web servers write it after percent-decoding, with one slash for several. Two
    requests may get one path: a response names its certificate, so its reader finds out.
    """
    text = _SLASHES.sub("/", b64encode(request).decode("ascii"))
    return f"{text}{DIRECTORY_ANSWER}" if text.endswith("/") else text
