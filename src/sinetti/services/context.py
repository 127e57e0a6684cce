"""The context of a use case, passed down as an argument and never a global.

Also the guard that lets one thread per process maintain a CA's CRLs. All waiting threads share the result of one
check.

CRL shard of a new certificate; a process reserves places in advance.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock, RLock

from sinetti.ca.issuance_request import IssuingCa
from sinetti.ca.ocsp import Responder
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance.crls import PublishedList
from sinetti.database.operations import authorities
from sinetti.domain.approvals.acts import ApprovalPolicy
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.daily_limits import DailyLimits, LimitContext
from sinetti.domain.requests import LENIENT, Leniency
from sinetti.domain.secret_keys import Keyring, KeySource
from sinetti.domain.values import VALIDITY, Channel, Environment, KeyPolicy
from sinetti.journal.writer import NO_JOURNAL, Journal, NullJournal
from sinetti.pki.encoding import PrivateKey, sign
from sinetti.pki.signers import ActApproval, SignatureProof, SignatureRefused, Signer, SignerUnavailable
from sinetti.services.facts import Facts
from sinetti.services.last_signed import LastSigned
from sinetti.wire.transparency.merkle import Lookup
from sinetti.wire.transparency.notes import Checkpoint, NoteSigner

_log = logging.getLogger(__name__)
_MOST_AT_ONCE, _SHARE_AT_ONCE = 256, 64


class Shards:
    """The open shard of each CA, as one process knows it.

    It queries the database only when its reserved places are used up.

    A shard never takes more than `certificates_per_list` certificates; it takes fewer if a process ended with places
    in reserve. 0 sets no limit: certificates go to the open shard. Reserve no places before a process forks.
    """

    def __init__(self, db: Database, certificates_per_list: int) -> None:
        self._register, self._most = db, certificates_per_list
        self._at_once = max(1, min(_MOST_AT_ONCE, certificates_per_list // _SHARE_AT_ONCE))
        self._taking = Lock()
        self._held: dict[str, tuple[int, int]] = {}

    def take(self, authority: str) -> int:
        """Return the shard of the next certificate of a CA."""
        with self._taking:
            shard, left = self._held.get(authority, (0, 0))
            if not self._most:
                shard = shard or self._open_without_limit(authority)
                self._held[authority] = shard, 0
                return shard
            if not left:
                shard, left = authorities.take_places(self._register, authority, self._most, self._at_once)
            self._held[authority] = shard, left - 1
            return shard

    def _open_without_limit(self, authority: str) -> int:
        """Return the open shard; its places are no longer counted."""
        authorities.count_places_anew(self._register, authority)
        return authorities.open_shard(self._register, authority)


class SingleShard:
    """Assigns every certificate to the first shard, for tests of other subjects."""

    def take(self, _authority: str) -> int:
        """Return the first shard."""
        return 1


ONE_SHARD = SingleShard()


PATIENCE = 15.0
"""Seconds that a thread waits for another before it checks the CRLs itself.

A CRL with a million entries takes ten seconds to rebuild.
"""


class SingleFlight:
    """Locks of one process, one per CA.

    A CRL with a million entries takes 150 MB and a second. Concurrent requests build it once.
    """

    def __init__(self) -> None:
        self._locks: dict[str, RLock] = {}
        self._found: dict[tuple[str, int], tuple[int, float]] = {}

    @contextmanager
    def one(self, authority: str) -> Iterator[None]:
        """Hold the lock for a CA's CRLs during the block, or continue after a timeout."""
        lock = self._locks.setdefault(authority, RLock())
        mine = lock.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if mine:
                lock.release()

    def found(self, authority: str, shard: int, number: int, begun: float) -> None:
        """Record that a CRL has every revocation made before `begun` (ticks)."""
        self._found[authority, shard] = (number, begun)

    def is_covered(self, authority: str, shard: int, number: int, asked: float) -> bool:
        """Return True if a check after `asked` (ticks) found the CRL complete."""
        looked_at, begun = self._found.get((authority, shard), (None, 0.0))
        return looked_at == number and begun >= asked


DEFAULT_POLICY = KeyPolicy()
NO_CHANGES = ApprovalPolicy()


def no_failpoint(_name: str) -> None:
    """Do nothing; the production value of `ServiceContext.step`.

    A test may end the process at each point that calls it.
    """


@dataclass(frozen=True)
class IssueRequest:
    """Octets of a certificate and of good answers about it, with their keys.

    `proof` is the signature of a renewal.
    """

    key_name: str
    octets: bytes = field(repr=False)
    proof: SignatureProof | None = field(repr=False)
    answers: Sequence[tuple[PrivateKey, bytes]] = field(repr=False)


IssueSigning = Callable[[Signer, Sequence[IssueRequest]], Sequence[list[bytes] | SignerUnavailable]]
"""Function that signs certificates and the good answers about them.

The signer is that of the CAs. For each request the result has the certificate's signature and those of the answers, the
first one alone if an answer cannot be signed, or why there is none.
"""


def sign_each(signer: Signer, requests: Sequence[IssueRequest]) -> list[list[bytes] | SignerUnavailable]:
    """Sign certificates and the answers about them, one after the other.

    Once the signer is away, those that follow do not wait for it.
    """
    results: list[list[bytes] | SignerUnavailable] = []
    away: SignerUnavailable | None = None
    for request in requests:
        try:
            results.append(away or _signed(signer, request))
        except SignatureRefused as refused:
            results.append(refused)
        except SignerUnavailable as unavailable:
            away = unavailable
            results.append(away)
    return results


def _signed(signer: Signer, request: IssueRequest) -> list[bytes]:
    signature = signer.sign(request.key_name, request.octets, request.proof)
    try:
        return [signature, *(sign(key, data) for key, data in request.answers)]
    except SignerUnavailable as away:
        _log.warning("a certificate is issued without OCSP responses: %s", away)
        return [signature]


HeadSigning = Callable[[Checkpoint, Sequence[NoteSigner], Lookup, datetime], bytes]
"""Function that signs a head of the log with some keys.

The lookup is that of its tree. The first key dates it with the instant, which is on the machine's clock.
"""


def sign_with_keys(head: Checkpoint, signers: Sequence[NoteSigner], _lookup: Lookup, now: datetime) -> bytes:
    """Return the note of a head, signed with keys that are here."""
    return head.signed(*signers, now=now)


DistrustSigning = Callable[[Responder, bytes, ActApproval | None], bytes]
"""Function that signs a list of distrust with a responder's key.

An approval proves the declaration.
"""


def sign_distrust_here(responder: Responder, octets: bytes, _approval: ActApproval | None) -> bytes:
    """Sign a list of distrust with a key that is here."""
    return sign(responder.key, octets)


BridgeSigning = Callable[[Responder, bytes, bytes | None], bytes]
"""Function that signs an answer of a bridge; a certificate proves a good one."""


def sign_bridge_here(responder: Responder, data: bytes, _certificate: bytes | None) -> bytes:
    """Sign an answer of a bridge with a key that is here."""
    return sign(responder.key, data)


def no_log_signers() -> tuple[NoteSigner, ...]:
    """Return no key of the log, as without the pass-phrase."""
    return ()


def no_change() -> None:
    """Do nothing: the CAs of this context do not change."""


def always_allowed() -> bool:
    """Return True: the test bench has its own clock and always allows issuance."""
    return True


@dataclass(frozen=True)
class ServiceContext:
    """Database, signer, CAs, clocks and policy of one instance.

    `certificates` are all CA certificates (DER) by name, as they are served. `issuers` are the same CAs as signers,
    each of its own CRL. `issuing` names those that issue to holders. `now` is the service's clock, for certificates,
    orders and ids. `machine_now` measures ages of reservations and waiting times. `keys` returns the secret keys in
    force (docs/operators/keys.md). `journal` records facts that cannot be taken back. `offline` names the CAs whose
    keys are not here; their CRLs are served as they are stored. `states` are those of the CAs by name, and
    `refresh_authorities` reads changes of CAs at once, which mappings of CAs otherwise have within two seconds.
    `shards` gives the CRL shard of a new certificate. `crl_cache` has the CRLs that this process read or made last, by
    CA and shard. `crl_locks` lets one caller at a time maintain a CA's CRLs. `last_signed` has what is served without
    the database. `responders` returns the OCSP responder in force of a CA; it raises SignerUnavailable if there is
    none. `log_signers` returns the keys of the log that are here, the newest first. `sign_issue` signs certificates
    with the answers about them, which the separate signer does in one request. `sign_distrust` and `sign_bridge` sign
    the list of distrust, and answers about certificates of the CAs on it. `sign_head` signs a head of the log; a lookup
    in its tree proves to a signer with its own rules that the tree continues the last one. `guard`, if given, opens the
    transaction of an action and checks the permission (services/access/act_transaction.py). Each step that writes then
    uses `act`, and `audit_entry` raises. `issuance_allowed` returns True while the clock is trusted
    (services/issuance/clock_guard.py); otherwise nothing is issued. `daily_limits` limit users' actions in 24 hours;
    None for operators' commands, and for a test bench without limits. `caller` is the network address of the request
    over HTTP. `approvals` says how many people each act of the table takes (domain/approvals/acts.py).
    `facts` compares the rows that the service obeys with the log.
    """

    environment: Environment
    db: Database
    signer: Signer
    issuers: Mapping[str, IssuingCa]
    issuing: Mapping[Channel, str]
    country: str
    certificates: Mapping[str, bytes]
    now: Callable[[], datetime]
    machine_now: Callable[[], datetime]
    keys: KeySource = field(repr=False)
    policy: KeyPolicy = DEFAULT_POLICY
    leniency: Leniency = LENIENT
    validity: timedelta = VALIDITY
    journal: Journal | NullJournal = NO_JOURNAL
    offline: AbstractSet[str] = frozenset()
    states: Mapping[str, CaState] = field(default_factory=dict)
    refresh_authorities: Callable[[], None] = no_change
    step: Callable[[str], None] = no_failpoint
    log_signers: Callable[[], tuple[NoteSigner, ...]] = no_log_signers
    sign_head: HeadSigning = sign_with_keys
    sign_issue: IssueSigning = sign_each
    sign_distrust: DistrustSigning = sign_distrust_here
    sign_bridge: BridgeSigning = sign_bridge_here
    issuance_allowed: Callable[[], bool] = always_allowed
    shards: Shards | SingleShard = ONE_SHARD
    crl_cache: dict[tuple[str, int], PublishedList] = field(default_factory=dict, repr=False, compare=False)
    crl_locks: SingleFlight = field(default_factory=SingleFlight, repr=False, compare=False)
    last_signed: LastSigned = field(default_factory=LastSigned, repr=False, compare=False)
    responders: Mapping[str, Callable[[], Responder]] = field(default_factory=dict, repr=False)
    daily_limits: DailyLimits | None = None
    guard: Callable[[], AbstractContextManager[object]] | None = None
    approvals: ApprovalPolicy = NO_CHANGES
    facts: Facts = field(default_factory=Facts, repr=False, compare=False)
    caller: str = ""

    @property
    def unguarded(self) -> "ServiceContext":
        """The context without a guard, for actions of the service such as publishing."""
        return replace(self, guard=None)

    @property
    def keyring(self) -> Keyring:
        """Secret keys that are in force now."""
        return self.keys()

    def signs_lists(self, name: str) -> bool:
        """Return True if a CA's key is here and the CA is not retired."""
        return name not in self.offline and self.states.get(name) is not CaState.RETIRED

    def audit_entry(self, actor: str, request_id: str) -> AuditContext:
        """Return the audit data: actor, time and request.

        Raises RuntimeError if the step has to use `act`.
        """
        if self.guard is not None:
            raise RuntimeError("this office is guarded: take the deed from Office.act, inside its transaction")
        return self._deed(actor, request_id)

    @contextmanager
    def act(self, actor: str, request_id: str) -> Iterator[AuditContext]:
        """Yield the audit data of one step that writes.

        If there is a guard, the step runs inside its transaction.
        """
        with self.guard() if self.guard is not None else nullcontext():
            yield self._deed(actor, request_id)

    def _deed(self, actor: str, request_id: str) -> AuditContext:
        limits = self.daily_limits
        context = LimitContext(limits, self.machine_now()) if limits else None
        return AuditContext(actor, self.now(), request_id, context, self.caller)
