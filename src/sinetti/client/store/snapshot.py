"""Snapshots of the names of a store, shared by the agent and all views.

`sinetti status`, `sinetti run`, `sinetti doctor` and the metrics show the same state of a name for that reason.

Testing the primes of an RSA key takes 40 ms, so that ten thousand names would take minutes. Here a set in use passes
if its files are as this client writes them. The link names the certificate's serial. The key can be opened and is the
certificate's; a key in a token is named by its id. The chain's first certificate issued the certificate, and each
certificate of the chain fits the next. Any other set gets the thorough check of generations.current, which
reports the damage. A set whose files did not move since the last comparison is not opened (key_checks.py). Each token
is asked once, without its PIN.

A fault in the rights of the files (`exposed`) hinders no signature, so that the name is damaged and still renewed.

No policy: other modules draw the conclusions (status.py, agent/).
"""

import binascii
import errno
import hashlib
import os
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import CertificateEntry, OutputOptions
from sinetti.client.results import ExitCode
from sinetti.client.store import (
    agent_state,
    generations,
    journal,
    key_checks,
    key_storage,
    log_memory,
    repair,
    rights,
    settings,
    token_keys,
)
from sinetti.client.store import files as store_files
from sinetti.client.store.agent_state import AgentState, DeployState
from sinetti.client.store.generations import NameState
from sinetti.client.store.journal import RequestJournal, RequestKind
from sinetti.client.store.key_checks import FileState, KeyChecks, KnownSet
from sinetti.client.store.log_memory import StoreLogFault
from sinetti.client.store.repair import OlderGeneration
from sinetti.client.store.rights import Exposure
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import Environment, Serial, ValidityPeriod, is_same_identifier
from sinetti.infra import records
from sinetti.pki import chain, encoding

_LARGEST = 16 * 1024


@dataclass(frozen=True)
class InstalledCertificate:
    """Certificate in use; `sha256` is of its DER."""

    serial: Serial
    span: ValidityPeriod
    sha256: bytes


class Absence(Enum):
    """Reason for which a configured name has no files."""

    PLANNED, MISSING = range(2)


@dataclass(frozen=True)
class NameSnapshot:
    """Snapshot of one name.

    `trouble`: message on damage; the values that could be read before it are set. `open`: the journals of requests
    under way. `memory`: the agent's state, about the certificate in use. `deployment` is None if no deployment is
    recorded.
    """

    name: str
    folder: Path
    customer_id: str | None = None
    customer_name: str | None = None
    service: str | None = None
    environment: Environment | None = None
    in_use: InstalledCertificate | None = None
    open: tuple[RequestJournal, ...] = ()
    notes: NameState = field(default_factory=NameState)
    memory: AgentState = agent_state.NOTHING
    deployment: DeployState | None = None
    dispensable: bool = False
    """There is no certificate, and nothing is lost if its folder is deleted."""
    files: OutputOptions = field(default_factory=OutputOptions)
    """Output options in its settings."""
    has_partial_files: bool = False
    """An interrupted run left files that no run needs, perhaps a copy of a key.

    False if the snapshot was not taken for the agent.
    """
    trouble: Message | None = None
    step: Message | None = None
    """The step out of the trouble, if its message does not say it."""
    older: OlderGeneration | None = None
    """The intact former generation to which a user can return out of the trouble."""
    repairable: Message | None = None
    """The damage that `sinetti run` can repair."""
    exposed: Exposure | None = None
    """The fault in the rights of its files."""
    log_fault: StoreLogFault | None = None
    """The fault of the log that has its certificate.

    None if the snapshot was taken for the agent, which reads the logs itself.
    """
    absence: Absence | None = None
    """Set for a configured name without files."""
    conflict: Message | None = None
    """Setting of sinetti.toml that prevents a renewal."""

    @property
    def trouble_code(self) -> ExitCode:
        """The exit code of a name with trouble."""
        return ExitCode.STORE if self.absence is None else ExitCode.REFUSED

    @property
    def serial(self) -> Serial | None:
        """The serial of the certificate in use."""
        return None if self.in_use is None else self.in_use.serial

    @property
    def span(self) -> ValidityPeriod | None:
        """The validity of the certificate in use."""
        return None if self.in_use is None else self.in_use.span

    @property
    def not_before(self) -> datetime | None:
        """The first valid second of the certificate in use, UTC."""
        return None if self.span is None else self.span.not_before

    @property
    def not_after(self) -> datetime | None:
        """The last valid second of the certificate in use, UTC."""
        return None if self.span is None else self.span.not_after

    def damage(self, now: datetime) -> tuple[Message, Message | None] | None:
        """Return the message about the damage, and the next step at `now`.

        The step is None if the message says it. The result is None for a name without damage.
        """
        if self.trouble is None:
            return self.exposed
        if self.repairable is not None:
            return self.trouble, make_message(messages.RUN_REPAIRS)
        older = self.older
        if older is None or older.until < now:
            return self.trouble, self.step
        live = shlex.quote(str(self.folder / store_files.LIVE))
        return self.trouble, make_message(messages.LOST_SET_OLDER, serial=older.serial, until=older.until, live=live)

    def damage_message(self, now: datetime) -> Message | None:
        """Return the sentence about the damage with its next step, or None."""
        what, step = self.damage(now) or (None, None)
        return what if what is None or step is None else make_message(messages.WITH_STEP, what=what, step=step)

    def is_clock_behind(self, now: datetime) -> bool:
        """Return whether the certificate in use begins after `now`.

        The clock has to be wrong then. A lag of CLOCK_SKEW is tolerated.
        """
        return self.span is not None and now + generations.CLOCK_SKEW < self.span.not_before

    @property
    def is_revoked(self) -> bool:
        """True if the service has called the certificate in use revoked."""
        return self.in_use is not None and self.notes.revoked == self.in_use.serial

    @property
    def is_undeployed(self) -> bool:
        """True if the deployment of the certificate in use has failed so far."""
        held = self.deployment
        return held is not None and held.tries > 0 and self.in_use is not None and held.serial != self.in_use.serial

    @property
    def enrolment(self) -> RequestJournal | None:
        """The enrolment under way."""
        return self._request(RequestKind.ENROL)

    @property
    def renewal(self) -> RequestJournal | None:
        """The renewal under way."""
        return self._request(RequestKind.RENEW)

    def _request(self, kind: RequestKind) -> RequestJournal | None:
        return next((journal for journal in self.open if journal.folder.name == kind), None)


class _LiveSet(NamedTuple):
    """The set in use.

    `certificate` is None if the set did not move since its comparison. `state`: that of its files, if key.pem is one.
    """

    in_use: InstalledCertificate
    certificate: x509.Certificate | None
    der: bytes
    state: FileState | None = None


FindConflict = Callable[[Path, NameSettings], Message | None]
"""Function that compares a name with sinetti.toml (`apply.find_conflict`)."""


class _Shared(NamedTuple):
    """Facts that the names of a store share.

    `checks` are the comparisons of keys to use, `tokens` the tokens that were asked. `log_faults` has the faults of
    logs by name. `find_conflict` compares a name with sinetti.toml.
    """

    checks: KeyChecks | None
    tokens: token_keys.Tokens
    log_faults: Mapping[str, StoreLogFault]
    find_conflict: FindConflict = lambda _folder, _kept: None


def list_snapshots(
    store: Path,
    *,
    for_agent: bool = False,
    checks: KeyChecks | None = None,
    entries: Mapping[str, CertificateEntry] = MappingProxyType({}),
    find_conflict: FindConflict = lambda _folder, _kept: None,
    only: Collection[str] = (),
) -> Iterator[NameSnapshot]:
    """Yield the snapshots of the names of a store and of `entries`, sorted by name.

    With `checks`, a key is opened only if its files moved since they were compared. `only`: other names are left out.
    Raises OSError if the store itself cannot be read, but for a missing one with entries.
    """
    try:
        names = set(only) or set(entries).union(filter(store_files.is_name, os.listdir(store)))  # noqa: PTH208 - below
    except FileNotFoundError:
        if not entries:
            raise
        names = set(entries)
    shared = _Shared(checks, {}, {} if for_agent else log_memory.find_faults(store), find_conflict)
    for name in sorted(names):
        snapshot = find_snapshot(store / name, for_agent=for_agent, shared=shared)
        if snapshot is None and name in entries:
            snapshot = _absent(store / name, entries[name])
        if snapshot is not None:
            yield snapshot


def _absent(folder: Path, entry: CertificateEntry) -> NameSnapshot:
    """Return the snapshot of a configured name that has no files.

    Something else in its place is damage.
    """
    name_snapshot = NameSnapshot(folder.name, folder, entry.customer_id, entry.customer_name)
    try:
        if any(not entry.startswith(".") for entry in os.listdir(folder)):  # noqa: PTH208 - as below
            return _unusable(name_snapshot, FileExistsError(errno.EEXIST, "", str(folder)))
    except FileNotFoundError:
        pass
    except OSError as bad:
        return _unusable(name_snapshot, bad)
    known = log_memory.load_index(folder.parent).names.get(folder.name)
    if known is None and not entry.is_enrolled:
        return replace(name_snapshot, absence=Absence.PLANNED)
    text, values = (messages.NAME_LOST, {"serial": known.serial}) if known else (messages.NAME_MISSING, {})
    what = make_message(text, folder=str(folder), **values)
    step = make_message(messages.MISSING_STEP, name=folder.name)
    return replace(name_snapshot, trouble=what, step=step, absence=Absence.MISSING)


def find_snapshot(folder: Path, *, for_agent: bool = False, shared: _Shared | None = None) -> NameSnapshot | None:
    """Return the snapshot of one name; None if its folder has no files of this client.

    A folder that cannot be listed is damage. `for_agent`: include the remains of interrupted runs.
    """
    try:
        there = set(os.listdir(folder))  # noqa: PTH208 - ten thousand of them: pathlib takes three times as long
    except OSError as bad:
        is_nothing = isinstance(bad, FileNotFoundError | NotADirectoryError) and not folder.is_symlink()
        return None if is_nothing else _unusable(NameSnapshot(folder.name, folder), bad)
    if store_files.OURS.isdisjoint(there):
        return None
    if shared is None:
        shared = _Shared(None, {}, {} if for_agent else _log_faults(folder))
    name_snapshot = _snapshot_of(folder, there, shared, for_agent=for_agent)
    # `sinetti remove` may have taken the name away while its files were read.
    return None if name_snapshot.trouble is not None and not os.path.lexists(folder) else name_snapshot


def load_snapshot(folder: Path) -> NameSnapshot:
    """Return the snapshot of one name for a view.

    A folder that cannot be listed is damage.
    """
    try:
        there = set(os.listdir(folder))  # noqa: PTH208 - as above
    except OSError as bad:
        return _unusable(NameSnapshot(folder.name, folder), bad)
    return _snapshot_of(folder, there, _Shared(None, {}, _log_faults(folder)))


def _log_faults(folder: Path) -> Mapping[str, StoreLogFault]:
    fault = log_memory.find_fault(folder.parent, folder.name)
    return {} if fault is None else {folder.name: fault}


def _snapshot_of(
    name_folder: Path, there: AbstractSet[str], shared: _Shared, *, for_agent: bool = False
) -> NameSnapshot:
    """Return the snapshot of one name, by its folder and the names of its entries."""
    folder, kept, step = str(name_folder), None, messages.LOST_SETTINGS
    try:
        kept = _settings(folder)
        step = messages.LOST_SET
        held = (store_files.LIVE in there and _set_in_use(folder, kept, shared.checks)) or _thorough(name_folder)
        if held is not None:
            _check_customer(held, kept, folder)
            if held.state is None:
                _check_token(folder, kept.files, shared.tokens)
        step = messages.LOST_REQUEST
        pending: Sequence[str] = tuple(RequestKind) if journal.PENDING in there else ()
        if for_agent and pending:
            pending = os.listdir(f"{folder}/{journal.PENDING}")  # noqa: PTH208 - as above
        requests = _journals(folder, pending) if pending else ()
        is_dispensable = held is None and journal.is_deletable(name_folder)
        step = messages.LOST_NOTES
        notes = _notes(folder) if generations.NOTES in there else NameState()
        in_use = None if held is None else held.in_use
        memory = agent_state.load_agent_state(folder) if agent_state.AGENT in there else agent_state.NOTHING
        # Not by `replace`, which takes as long as reading two files.
        result = NameSnapshot(
            os.path.basename(folder),  # noqa: PTH119 - as above
            name_folder,
            kept.customer_id,
            kept.customer_name,
            kept.service,
            kept.environment,
            in_use,
            requests,
            notes,
            memory.for_serial(None if in_use is None else in_use.serial),
            agent_state.load_deploy_state(folder) if agent_state.DEPLOY in there else None,
            is_dispensable,
            kept.files,
            for_agent
            and any(entry.startswith(".") and entry.endswith(store_files.HALVES) for entry in (*there, *pending)),
            exposed=rights.find_exposure(folder, kept.files, None if held is None else held.state),
            log_fault=None if held is None else shared.log_faults.get(name_folder.name),
            conflict=shared.find_conflict(name_folder, kept),
        )
    except store_files.StoreError as bad:
        return _as_damaged(_of_settings(name_folder, kept), bad, step)
    except OSError as bad:
        return _unusable(_of_settings(name_folder, kept), bad)
    lost = {agent_state.AGENT: memory is agent_state.NOTHING, agent_state.DEPLOY: result.deployment is None}
    return _with_lost_record(result) if any(lost[entry] for entry in lost.keys() & there) else result


def _as_damaged(name_snapshot: NameSnapshot, bad: store_files.StoreError, step: str) -> NameSnapshot:
    """Return the snapshot of a name with damage, and the way out of it.

    `step` is the message id of the step for the damaged part.
    """
    found = repair.find_repair(name_snapshot.folder)
    what, values = bad.message, {"name": name_snapshot.name, "folder": str(name_snapshot.folder)}
    if what.text == messages.TOKEN_KEY_GONE:
        step = messages.TOKEN_KEY_STEP
    elif what.text == messages.STORE_DAMAGED:
        what = make_message(messages.DAMAGED_FILE, **what.values)
        if step == messages.LOST_REQUEST:
            values["folder"] = str(Path(str(bad.message.values["path"])).parent)
    elif what.text != messages.OTHERS_CERTIFICATE:
        return replace(name_snapshot, trouble=what, repairable=None if found is None else found.what)
    older = repair.find_older(name_snapshot.folder) if step == messages.LOST_SET else None
    return replace(
        name_snapshot,
        trouble=what,
        step=make_message(step, **values),
        older=older,
        repairable=None if found is None else found.what,
    )


def _with_lost_record(name_snapshot: NameSnapshot) -> NameSnapshot:
    """Return the snapshot of a name of which a record of the agent cannot be read."""
    found, (name, *_) = repair.find_repair(name_snapshot.folder), agent_state.damaged_files(name_snapshot.folder)
    path, why = name_snapshot.folder / name, error_reasons.translate_reason("its content is not valid")
    return replace(
        name_snapshot,
        trouble=make_message(messages.DAMAGED_FILE, path=str(path), why=why),
        step=make_message(messages.LOST_REQUEST, folder=str(path)),
        repairable=None if found is None else found.what,
    )


def _of_settings(folder: Path, kept: NameSettings | None) -> NameSnapshot:
    """Return a snapshot with the settings alone, if they could be read."""
    if kept is None:
        return NameSnapshot(folder.name, folder)
    return NameSnapshot(folder.name, folder, kept.customer_id, kept.customer_name, kept.service, kept.environment)


def _settings(folder: str) -> NameSettings:
    try:
        return settings.parse(_read(f"{folder}/{settings.FILE}").decode())
    except (OSError, ValueError):
        return settings.load(Path(folder))  # it reports what is wrong


def _notes(folder: str) -> NameState:
    try:
        raw = records.json_of(_read(f"{folder}/{generations.NOTES}"))
        return NameState(raw["revoked"], raw["transfer"], raw["serial"])
    except (OSError, ValueError, KeyError, TypeError):
        return generations.notes(Path(folder))  # as above


def _journals(folder: str, entries: Collection[str]) -> tuple[RequestJournal, ...]:
    """Return the requests under way.

    `entries` are the names in their folder, or all that may be there.
    """
    place = f"{folder}/{journal.PENDING}"
    journals = (
        journal.load(Path(place, kind)) for kind in RequestKind if kind in entries and _is_there(f"{place}/{kind}")
    )
    return tuple(journal for journal in journals if journal is not None)


def _is_there(path: str) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - as above
    except FileNotFoundError:
        return False
    return True


def _unusable(name_snapshot: NameSnapshot, bad: OSError) -> NameSnapshot:
    return replace(name_snapshot, trouble=error_reasons.store_unusable(bad, name_snapshot.folder))


def _thorough(folder: Path) -> _LiveSet | None:
    present = generations.current(folder)
    return None if present is None else _held(present.certificate, encoding.certificate_der(present.certificate))


def _check_customer(held: _LiveSet, kept: NameSettings, folder: str) -> None:
    """Raise StoreDamaged if the certificate in use is another customer's."""
    # The ID is the subject's: parsing names takes as long as all the rest.
    if held.certificate is None or kept.customer_id.encode() in held.der:
        return
    try:
        named = generations.common_name(held.certificate)
    except ValueError:
        named = None
    if named is None or not is_same_identifier(named, kept.customer_id):
        raise store_files.StoreDamaged(
            messages.OTHERS_CERTIFICATE, customer_id=kept.customer_id, path=f"{folder}/{settings.FILE}"
        )


def _check_token(folder: str, wanted: OutputOptions, asked: token_keys.Tokens) -> None:
    """Check that the token of the key in use is there. Raises StoreError."""
    path = f"{folder}/{store_files.LIVE}/{key_storage.URI}"
    if _is_there(path):
        token_keys.check_in_token(key_storage.load_uri(Path(path)), wanted.token, asked)


def _set_in_use(folder: str, kept: NameSettings, checks: KeyChecks | None) -> _LiveSet | None:
    """Return the set in use if it is as this client writes it, else None.

    A thorough check then judges the others. A set whose files did not move since the last comparison is not read.
    """
    live, name = f"{folder}/{store_files.LIVE}", os.path.basename(folder)  # noqa: PTH119 - as above
    try:
        named, state = os.readlink(live), _state_of(live)  # noqa: PTH115 - as above
        if os.path.islink(f"{folder}/{named}"):  # noqa: PTH114 - as above
            return None
        known = None if checks is None or state is None else checks.find(name, state, kept.customer_id)
        if known is not None and state is not None and named == f"{store_files.GENERATIONS}/{known.serial}":
            return _LiveSet(_as_installed(known), None, b"", state)
        der = _pem(_read(f"{live}/{generations.CERTIFICATE}"), b"CERTIFICATE")
        certificate = x509.load_der_x509_certificate(der)
        certificate.verify_directly_issued_by(_issuer(_read(f"{live}/{generations.CHAIN}"), kept.trust_holders))
        compared = _compare_key(live, folder, certificate, der)
        if compared is None:
            return None
        held = _held(certificate, der)
    except (OSError, ValueError, TypeError, InvalidSignature, x509.InvalidVersion, store_files.StoreError):
        return None
    if named != f"{store_files.GENERATIONS}/{held.in_use.serial}":
        return None
    if checks is not None and state is not None and compared is _Comparison.PLAIN and kept.customer_id.encode() in der:
        checks.add(name, _as_known_set(held.in_use, state, kept.customer_id, checks.now))
    return held._replace(state=state if compared is _Comparison.PLAIN else None)


def _state_of(live: str) -> FileState | None:
    """Return the state of the files of a set.

    None for a key in a token, which has no key.pem.
    """
    try:
        return key_checks.state_of(live)
    except FileNotFoundError:
        return None


def _as_installed(known: KnownSet) -> InstalledCertificate:
    span = ValidityPeriod(datetime.fromtimestamp(known.not_before, UTC), datetime.fromtimestamp(known.not_after, UTC))
    return InstalledCertificate(Serial(known.serial), span, bytes.fromhex(known.sha256))


def _as_known_set(certificate: InstalledCertificate, state: FileState, customer_id: str, now: datetime) -> KnownSet:
    begins, ends, at = (
        int(instant.timestamp()) for instant in (certificate.span.not_before, certificate.span.not_after, now)
    )
    return KnownSet(state.text, customer_id, certificate.serial, begins, ends, certificate.sha256.hex(), at)


class _Comparison(Enum):
    """Comparison that succeeded: with a plain key, or with another.

    A key that is encrypted or in a token is compared by each snapshot, since its password or token may go away.
    """

    PLAIN, OTHER = range(2)


def _compare_key(live: str, folder: str, certificate: x509.Certificate, der: bytes) -> _Comparison | None:
    """Return how the key in use was found to be the certificate's; None if it was not.

    A public key in another encoding is not recognised.
    """
    octets = b"" if _is_there(f"{live}/{key_storage.URI}") else _read(f"{live}/{key_storage.KEY}")
    if not octets or key_storage.is_encrypted(octets):
        key_id = key_storage.key_id_of(Path(live), Path(folder))
        return _Comparison.OTHER if key_storage.is_for(certificate, key_id) else None
    public = encoding.load_private_key(octets, tests_primes=False).public_key()
    is_same = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) in der
    return _Comparison.PLAIN if is_same else None


def _held(certificate: x509.Certificate, der: bytes) -> _LiveSet:
    in_use = InstalledCertificate(
        key_storage.serial_of(certificate), generations.span_of(certificate), hashlib.sha256(der).digest()
    )
    return _LiveSet(in_use, certificate, der)


def _read(path: str) -> bytes:
    """Read a small file; raise ValueError for one larger than any of this client.

    Asking for more octets takes longer.
    """
    octets = store_files.octets_of(path, _LARGEST)
    if len(octets) == _LARGEST:
        raise ValueError(path)
    return octets


def _pem(octets: bytes, label: bytes) -> bytes:
    """Return the DER of a file with exactly one PEM block (RFC 7468).

    The block is as this client writes it. Raises ValueError otherwise.
    """
    start, end = b"-----BEGIN " + label + b"-----\n", b"-----END " + label + b"-----\n"
    if not octets.startswith(start) or not octets.endswith(end) or octets.count(b"-") != 20:  # noqa: PLR2004 - hyphens
        raise ValueError(label)
    return binascii.a2b_base64(octets[len(start) : -len(end)].replace(b"\n", b""), strict_mode=True)


@lru_cache(maxsize=256)
def _issuer(octets: bytes, anchors: str) -> x509.Certificate:
    """Return the first certificate of a chain that is whole for the name's CAs.

    Raises ValueError if the chain does not hang together.
    """
    first, *above = chain.load_bundle(octets)
    if not generations.is_chain_of(first, above, chain.load_bundle(anchors.encode())):
        raise ValueError(generations.CHAIN)
    return first
