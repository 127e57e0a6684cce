"""Removal of a name from the store, with all of its keys.

`DIR/NAME` becomes `DIR/.NAME.gone` in one step: until then the name is whole, and afterwards no command knows it. Then
its keys in tokens are deleted, and its files last. If a run ends in between, the next `sinetti remove` or `sinetti run`
finishes the removal.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from sinetti.client.messages import error_reasons
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import Token
from sinetti.client.store import files, generations, journal, key_storage, log_memory, settings, snapshot, token_keys
from sinetti.client.store.journal import RequestKind
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import Serial
from sinetti.i18n.translate import gettext_noop
from sinetti.pki import encoding
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.signers.pkcs11_uri import TokenKey

DELIVERIES = "deliveries"

TOKEN_AWAY = gettext_noop(
    "{name}: its keys in the token cannot be deleted, because {why}. Nothing was removed. If the token no longer "
    "exists, delete the folder {folder} by hand."
)
UNFINISHED = gettext_noop(
    "{name} was removed, but some of its data cannot be deleted, because {why}. Fix this, then run "
    "“sinetti remove {name}” again. If a token no longer exists, delete the folder {folder} by hand."
)
LINK = gettext_noop(
    "{name} is a link to {folder}, which is another name or has other files, too. Nothing was removed. Delete the link "
    "and the keys in that folder by hand."
)
FINISHED = gettext_noop("{name}: a removal that was interrupted is complete now.")

_OWN = re.compile(rf"\.lock|\.live\.old|\..*\.(new|gone)|hooks|token|log\.1\.jsonl|{DELIVERIES}")
"""Entries of a name that are not in files.OURS."""

_GONE = re.compile(rf"\.({files.NAME.pattern})\.gone")


@dataclass(frozen=True)
class RemovalPlan:
    """Content of a name that its removal deletes, as far as it can be read.

    `serial` and `until` are of the certificate in use, or of the last one of a damaged name. `requests`: kinds of the
    requests that may have left. `tokens`: labels of the tokens with keys of it.
    """

    seen: NameSnapshot
    serial: Serial | None
    until: datetime | None
    requests: tuple[RequestKind, ...]
    tokens: tuple[str, ...]
    has_deliveries: bool

    @property
    def is_harmless(self) -> bool:
        """True if nothing that was ever of use is lost: an enrolment that used nothing up."""
        return self.seen.dispensable and self.serial is None and not self.has_deliveries

    def is_valid(self, now: datetime) -> bool:
        """Return whether its certificate is in force, as far as this machine knows."""
        return self.until is not None and now <= self.until and not self.seen.is_revoked


def plan_removal(folder: Path) -> RemovalPlan:
    """Read what the removal of a name would delete, and change nothing.

    Raises StoreError, OSError.
    """
    _check_link(folder)
    name_snapshot = snapshot.load_snapshot(folder)
    serial, until = name_snapshot.serial, name_snapshot.not_after
    if serial is None and (last := _last_certificate(folder)) is not None:
        serial, until = key_storage.serial_of(last), last.not_valid_after_utc
    unsent = {journal.folder.name for journal in name_snapshot.open if not journal.sends}
    return RemovalPlan(
        name_snapshot,
        serial,
        until,
        tuple(
            request_kind
            for request_kind in RequestKind
            if request_kind not in unsent and files.exists(journal.folder_of(folder, request_kind))
        ),
        tuple(sorted({one.place.label for one in token_keys.list_keys(folder, None)})),
        files.directory_exists(folder / DELIVERIES),
    )


def _check_link(folder: Path) -> None:
    """Raise StoreError for a link to another name or to a folder with other files."""
    if folder.is_symlink() and not _is_link_to_name(folder):
        raise files.StoreError(LINK, name=folder.name, folder=str(folder.resolve()))


def _is_link_to_name(link: Path) -> bool:
    """Return whether a link leads out of the store to files of one name alone."""
    entries = os.listdir(link)  # noqa: PTH208 - names alone
    is_elsewhere = link.resolve().parent != link.parent.resolve()
    return is_elsewhere and all(entry in files.OURS or _OWN.fullmatch(entry) for entry in entries)


def remove(folder: Path) -> None:
    """Remove a name and delete its keys.

    Raises StoreLocked, OSError. Raises StoreError, too: before any change if one of its tokens cannot be used, or if
    the removal cannot be completed.
    """
    _check_link(folder)
    gone = folder_of(folder.parent, folder.name)
    if os.path.lexists(gone):
        _finish(gone)
    with files.locked(folder):
        try:
            token_keys.check_tokens(_own_keys(folder))
        except SignerUnavailable as bad:
            why = error_reasons.translate_reason(str(bad))
            raise files.StoreError(TOKEN_AWAY, name=folder.name, why=why, folder=str(folder)) from bad
        files.SYSTEM.rename(folder, gone)
        files.SYSTEM.sync_folder(folder.parent)
    _finish(gone)
    index = log_memory.load_index(folder.parent)
    if index.names.pop(folder.name, None) is not None:  # else the name would count as lost
        log_memory.save_index(folder.parent, index)


def folder_of(store: Path, name: str) -> Path:
    """Return the place of a name from the start of its removal to the end."""
    return store / f".{name}.gone"


def finish(store: Path, name: str) -> bool:
    """Complete an interrupted removal of a name; return False if there is none.

    Raises StoreError if it cannot be completed.
    """
    gone = folder_of(store, name)
    if not os.path.lexists(gone):
        return False
    _finish(gone)
    return True


def list_unfinished(store: Path) -> tuple[str, ...]:
    """List the names whose removal was interrupted. Raises OSError."""
    return tuple(sorted(match[1] for entry in os.listdir(store) if (match := _GONE.fullmatch(entry))))  # noqa: PTH208 - ten thousand of them


def finish_all(store: Path) -> Iterator[Message]:
    """Complete all interrupted removals; yield a message about each. Raises OSError."""
    for name in list_unfinished(store):
        try:
            finish(store, name)
        except files.StoreError as bad:
            yield bad.message
        else:
            yield make_message(FINISHED, name=name)


def _finish(gone: Path) -> None:
    try:
        token_keys.delete(_own_keys(gone))
        if gone.is_symlink():
            if files.directory_exists(gone) and _is_link_to_name(gone):
                shutil.rmtree(gone.resolve())
            gone.unlink()
        else:
            shutil.rmtree(gone)
        files.SYSTEM.sync_folder(gone.parent)
    except (SignerUnavailable, OSError) as bad:
        name = gone.name.removeprefix(".").removesuffix(".gone")
        why = error_reasons.translate_reason(bad if isinstance(bad, OSError) else str(bad))
        raise files.StoreError(UNFINISHED, name=name, why=why, folder=str(gone)) from bad


def _own_keys(folder: Path) -> tuple[TokenKey, ...]:
    """List the keys of a name in tokens that no other name of the store has.

    A folder that was copied under another name has the same keys.
    """
    found = token_keys.list_keys(folder, _token(folder))
    if not found:
        return ()
    others = (path for path in folder.parent.iterdir() if files.is_name(path.name) and path.name != folder.name)
    used = {(key.place.label, key.id) for path in others for key in token_keys.list_keys(path, None)}
    return tuple(token_key for token_key in found if (token_key.place.label, token_key.id) not in used)


def _token(folder: Path) -> Token | None:
    with contextlib.suppress(files.StoreError):
        return settings.load(folder).files.token
    return None


def _last_certificate(folder: Path) -> x509.Certificate | None:
    """Return the certificate of a generation that ends last, or None."""
    certificates = []
    for path in (folder / files.GENERATIONS).glob(f"*/{generations.CERTIFICATE}"):
        with contextlib.suppress(files.StoreError, ValueError):
            certificates.append(encoding.load_certificate(files.read(path)))
    return max(certificates, key=lambda certificate: certificate.not_valid_after_utc, default=None)
