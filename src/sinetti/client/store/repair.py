"""Repair of a name from files of the store.

It covers the link `live`, the chain, the form of the certificate and the agent's records. No repair is a guess. The
link is pointed at the generation that the log names as installed last. Without a log, or if the log does not have the
newest yet, it is pointed at the newest. The chain is made of the CAs in the name's settings, if they issued the
certificate. A certificate in DER is written as PEM. An unreadable record of the agent is made anew; the log says
whether a replacement is needed. A key or a certificate that is lost is not replaced. A file or a folder that holds
files is never removed, except such a record. An empty folder or a link in the place of `live` is. Nothing is written
outside of the name: a generation is a real folder there, not a link to another place.
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import OutputOptions
from sinetti.client.results import ExitCode
from sinetti.client.store import (
    agent_state,
    event_log,
    files,
    generations,
    key_storage,
    output_files,
    settings,
)
from sinetti.client.store.agent_state import AgentState
from sinetti.client.store.event_log import EventType
from sinetti.pki import chain, encoding

_PUT_IN_PLACE = frozenset({EventType.ADOPTED, EventType.ENROLLED, EventType.RENEWED})


class OlderGeneration(NamedTuple):
    """Intact generation that is not in use.

    `until` is the last second of its certificate.
    """

    serial: str
    until: datetime


@dataclass(frozen=True)
class Repair:
    """The parts to repair.

    `generation` is the set in use, None if there is none. `contents`: new octets of its files. `records`: damaged
    records of the agent.
    """

    generation: Path | None
    relinks: bool
    contents: Mapping[str, bytes]
    records: tuple[str, ...]

    @property
    def what(self) -> Message:
        """The message that names the repaired parts."""
        parts = [_PARTS[content] for content in self.contents]
        parts += [messages.REPAIRED_LINK] * self.relinks + [messages.REPAIRED_RECORD] * bool(self.records)
        if len(parts) == 1:
            return make_message(parts[0])
        both = {messages.REPAIRED_LINK, messages.REPAIRED_CHAIN}
        return make_message(messages.REPAIRED_BOTH if set(parts) == both else messages.REPAIRED_SEVERAL)

    def done_message(self, name: str) -> Message:
        """Return the message after the repair."""
        if self.generation is None or not (self.relinks or self.contents):
            return make_message(messages.RECORD_REPAIRED, name=name)
        return make_message(messages.REPAIRED, name=name, what=self.what, serial=self.generation.name)


_PARTS = {generations.CHAIN: messages.REPAIRED_CHAIN, generations.CERTIFICATE: messages.REPAIRED_CERTIFICATE}


def find_repair(name_folder: Path) -> Repair | None:
    """Find what to repair of a damaged name. Changes nothing.

    Returns None if a person has to act.
    """
    try:
        generation = _linked(name_folder)
        relinks = generation is None
        generation = generation or _last(name_folder)
        records = agent_state.damaged_files(name_folder)
        if any(_is_filled(name_folder / record) for record in records):
            return None
        if relinks and generation is not None and is_in_the_way(name_folder / files.LIVE):
            # A copy, where links are forbidden, or files of the user. The copy is checked like a set that is linked.
            return (
                Repair(None, relinks=False, contents={}, records=records)
                if records and generations.current(name_folder)
                else None
            )
        if generation is None:
            # A first request under way has no set yet; a lost set is not replaced.
            is_lost = os.path.lexists(name_folder / files.LIVE) or files.exists(name_folder / generations.NOTES)
            return Repair(None, relinks=False, contents={}, records=records) if records and not is_lost else None
        contents = _contents(name_folder, generation)
    except (files.StoreError, OSError, ValueError):
        return None
    return Repair(generation, relinks, contents, records) if relinks or contents or records else None


def _contents(name_folder: Path, generation: Path) -> dict[str, bytes]:
    """Return the new octets of the files of a set that can be made again.

    Raises ValueError, StoreError or OSError if its key or certificate is lost.
    """
    octets = files.read(generation / generations.CERTIFICATE)
    certificate = encoding.load_certificate(octets)
    if key_storage.serial_of(certificate) != generation.name:
        raise ValueError(generations.CERTIFICATE)
    key_storage.open_key(generation, name_folder, certificate)
    found = {generations.CHAIN: _chain(name_folder, generation, certificate)}
    if not generations.is_pem(octets):
        found[generations.CERTIFICATE] = encoding.certificate_pem(encoding.certificate_der(certificate))
    return {name: octets for name, octets in found.items() if octets is not None}


def repair(name_folder: Path, now: datetime) -> Repair | None:
    """Repair a damaged name as far as possible, and log it.

    Raises StoreLocked and OSError.
    """
    with files.locked(name_folder):
        found = find_repair(name_folder)
        if found is None:
            return None
        if found.generation is not None:
            wanted = settings.load(name_folder).files if found.contents else OutputOptions()
            for name, octets in found.contents.items():
                path = found.generation / name
                files.write_atomic(path, octets, lambda beside: _dress(name_folder.name, beside, wanted))
            if found.relinks:
                files.swap_live(name_folder, found.generation.name)
        for name in found.records:
            _remake_record(name_folder, name, None if found.generation is None else found.generation.name)
    with contextlib.suppress(OSError):  # the log decides nothing
        event_log.append(
            name_folder,
            now,
            EventType.REPAIRED,
            **({} if found.generation is None else {"serial": found.generation.name}),
        )
    return found


def _remake_record(name_folder: Path, name: str, serial: str | None) -> None:
    """Remove a damaged record.

    If the log says that a replacement is needed, the agent's new record says so.
    """
    path = name_folder / name
    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    if name != agent_state.AGENT or serial is None:
        return
    codes: tuple[str, ...] = ()
    with contextlib.suppress(OSError):
        for log_event in event_log.read(name_folder):
            if log_event.event in _PUT_IN_PLACE or "codes" in log_event.facts:
                codes = tuple(log_event.facts.get("codes", "").split(", "))
            if log_event.event is EventType.REPLACEMENT_NEEDED and log_event.facts.get("serial") == serial:
                state = AgentState(serial, codes=codes, exit_code=ExitCode.REFUSED, informed_serial=serial)
                agent_state.save_agent_state(name_folder, state)


def _is_filled(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and any(path.iterdir())


def find_older(name_folder: Path) -> OlderGeneration | None:
    """Return the intact generation with the latest end that is not in use, or None.

    A user can point `live` at it, if that is a link or missing. A certificate that the service called revoked is left
    out.
    """
    live = name_folder / files.LIVE
    try:
        if os.path.lexists(live) and not live.is_symlink():
            return None
        unusable = {files.serial_in_use(name_folder), generations.notes(name_folder).revoked}
        others = {path.name: path for path in (name_folder / files.GENERATIONS).iterdir() if _is_folder(path)}
    except (OSError, files.StoreError):
        return None
    until = {
        name: at
        for name, path in others.items()
        if name not in unusable and (at := _intact_until(name_folder, path)) is not None
    }
    return max(
        (OlderGeneration(*pair) for pair in until.items()), key=lambda generations: generations.until, default=None
    )


def _intact_until(name_folder: Path, generation: Path) -> datetime | None:
    with contextlib.suppress(files.StoreError, OSError, ValueError):
        if not _contents(name_folder, generation):
            return encoding.load_certificate(files.read(generation / generations.CERTIFICATE)).not_valid_after_utc
    return None


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
    logged = [
        log_event.facts.get("serial") for log_event in event_log.read(name_folder) if log_event.event in _PUT_IN_PLACE
    ]
    whole = {path.name: path for path in place.iterdir() if not path.name.startswith(".") and _is_folder(path)}
    if not logged:
        return max(whole.values(), key=_begins, default=None)
    # A line of the log names a generation; a path in it would lead to another place.
    last = whole.get(logged[-1] or "")
    if last is None:
        return None
    # A generation is made right before it is installed, and a run may end before it logs that.
    later = [path for path in whole.values() if path.name not in logged and _begins(path) > _begins(last)]
    return max(later, key=_begins, default=last)


def _is_folder(generation: Path) -> bool:
    return files.directory_exists(generation) and not generation.is_symlink()


def _begins(generation: Path) -> datetime:
    return encoding.load_certificate(files.read(generation / generations.CERTIFICATE)).not_valid_before_utc


def is_in_the_way(live: Path) -> bool:
    """Return whether something that could be lost is in the place of the link."""
    if live.is_symlink() or not files.exists(live):
        return False
    return not live.is_dir() or any(live.iterdir())


def _chain(name_folder: Path, generation: Path, certificate: x509.Certificate) -> bytes | None:
    """Return a new chain file, or None if the present one is whole.

    Raises ValueError if no CA is known for it.
    """
    path = generation / generations.CHAIN
    anchors = chain.load_bundle(settings.load(name_folder).trust_holders.encode())
    with contextlib.suppress(FileNotFoundError, ValueError):
        if generations.is_chain_of(certificate, chain.load_bundle(files.octets_of(path)), anchors):
            return None
    certificates = chain.build_chain(certificate, anchors)
    if not certificates:
        raise ValueError(generations.CHAIN)
    return b"".join(encoding.certificate_pem(encoding.certificate_der(certificate)) for certificate in certificates)
