"""Repair of the link `live` and of a chain, from files of the store.

No repair is a guess. The link is pointed at the generation that the log names as installed last. Without a log, or if
the log does not have the newest yet, it is pointed at the newest. The chain is made of the CAs in the name's settings,
if they issued the certificate. A key or a certificate that is lost is not replaced. A file or a folder that holds
files is never removed. An empty folder or a link in the place of `live` is. Nothing is written outside of the name: a
generation is a real folder there, not a link to another place.
"""

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import OutputOptions
from sinetti.client.store import (
    event_log,
    files,
    generations,
    key_storage,
    output_files,
    settings,
)
from sinetti.client.store.event_log import EventType
from sinetti.pki import chain, encoding

_PUT_IN_PLACE = frozenset({EventType.ADOPTED, EventType.ENROLLED, EventType.RENEWED})


@dataclass(frozen=True, slots=True)
class Repair:
    """The parts to repair.

    `generation` is the set in use; `chain` is its new chain file, or None if that is whole.
    """

    generation: Path
    relinks: bool
    chain: bytes | None

    @property
    def serial(self) -> str:
        """The serial of the certificate in use."""
        return self.generation.name

    @property
    def what(self) -> Message:
        """The message that names the repaired parts."""
        if self.relinks:
            return make_message(messages.REPAIRED_LINK if self.chain is None else messages.REPAIRED_BOTH)
        return make_message(messages.REPAIRED_CHAIN)


def find_repair(name_folder: Path) -> Repair | None:
    """Find what to repair of a damaged name. Changes nothing.

    Returns None if a person has to act.
    """
    try:
        generation = _linked(name_folder)
        relinks = generation is None
        generation = generation or _last(name_folder)
        if generation is None or (relinks and _is_in_the_way(name_folder / files.LIVE)):
            return None
        certificate = encoding.load_certificate(files.read(generation / generations.CERTIFICATE))
        if key_storage.serial_of(certificate) != generation.name:
            return None
        key_storage.open_key(generation, name_folder, certificate)
        octets = _chain(name_folder, generation, certificate)
    except (files.StoreError, OSError, ValueError):
        return None
    return Repair(generation, relinks, octets) if relinks or octets is not None else None


def repair(name_folder: Path, now: datetime) -> Repair | None:
    """Repair a damaged name as far as possible, and log it.

    Raises StoreLocked and OSError.
    """
    with files.locked(name_folder):
        found = find_repair(name_folder)
        if found is None:
            return None
        if found.chain is not None:
            wanted = settings.load(name_folder).files
            path = found.generation / generations.CHAIN
            files.write_atomic(path, found.chain, lambda beside: _dress(name_folder.name, beside, wanted))
        if found.relinks:
            files.swap_live(name_folder, found.serial)
    with contextlib.suppress(OSError):  # the log decides nothing
        event_log.append(name_folder, now, EventType.REPAIRED, serial=found.serial)
    return found


def _dress(name: str, beside: Path, wanted: OutputOptions) -> None:
    """Set the chain's owner to that of the certificate, then to the configured one.

    Root may repair another user's store.
    """
    like, own = (beside.parent / generations.CERTIFICATE).stat(), beside.stat()
    if (like.st_uid, like.st_gid) != (own.st_uid, own.st_gid):
        with contextlib.suppress(PermissionError):  # only root can change the owner, and only root needs to
            os.chown(beside, like.st_uid, like.st_gid)
    output_files.apply_permissions(name, beside, wanted)


def _linked(name_folder: Path) -> Path | None:
    """Return the generation that `live` points to, or None.

    It has to be one of this name.
    """
    live = files.live_path(name_folder)
    place = name_folder / files.GENERATIONS
    if not live.is_symlink() or not files.directory_exists(live) or live.resolve().parent != place.resolve():
        return None
    return place / live.resolve().name


def _last(name_folder: Path) -> Path | None:
    """Return the generation that was put in place last, or None.

    The log decides; without it the latest start does.
    """
    place = name_folder / files.GENERATIONS
    logged = [one.facts.get("serial") for one in event_log.read(name_folder) if one.event in _PUT_IN_PLACE]
    whole = {one.name: one for one in place.iterdir() if not one.name.startswith(".") and _is_folder(one)}
    if not logged:
        return max(whole.values(), key=_begins, default=None)
    # A line of the log names a generation; a path in it would lead to another place.
    last = whole.get(logged[-1] or "")
    if last is None:
        return None
    # A generation is made right before it is installed, and a run may end before it logs that.
    later = [one for one in whole.values() if one.name not in logged and _begins(one) > _begins(last)]
    return max(later, key=_begins, default=last)


def _is_folder(generation: Path) -> bool:
    return files.directory_exists(generation) and not generation.is_symlink()


def _begins(generation: Path) -> datetime:
    return encoding.load_certificate(files.read(generation / generations.CERTIFICATE)).not_valid_before_utc


def _is_in_the_way(live: Path) -> bool:
    """Return whether something that could be lost is in the place of the link."""
    if live.is_symlink() or not files.exists(live):
        return False
    return not live.is_dir() or any(live.iterdir())


def _chain(name_folder: Path, generation: Path, certificate: x509.Certificate) -> bytes | None:
    """Return a new chain file, or None if the present one is whole.

    Raises ValueError if no CA is known for it.
    """
    path = generation / generations.CHAIN
    with contextlib.suppress(FileNotFoundError, ValueError):
        above = chain.load_bundle(files.octets_of(path))
        if chain.build_chain(certificate, above) == above:
            return None
    found = chain.build_chain(certificate, chain.load_bundle(settings.load(name_folder).trust_holders.encode()))
    if not found:
        raise ValueError(generations.CHAIN)
    return b"".join(encoding.certificate_pem(encoding.certificate_der(one)) for one in found)
