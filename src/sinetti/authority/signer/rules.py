"""Rules of the separate signer: one batch of tasks, one transaction of the store."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NoReturn, TypeVar, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.authority.signer.canonical_xml import DS, EXCLUSIVE
from sinetti.authority.signer.certificates import (
    CertificateFields,
    HolderProfile,
    IssuedCertificate,
    read_fields,
    read_subject,
    spki_of,
)
from sinetti.authority.signer.der import BIT_STRING, SEQUENCE, refuse
from sinetti.authority.signer.distrust import BridgeRules, check_distrust, check_follows, digest_of, read_signed_list
from sinetti.authority.signer.leaves import LeafForm, check_anchors, check_successor
from sinetti.authority.signer.lists import check_list, read_list
from sinetti.authority.signer.log_heads import STATEMENT, check_reservation, check_statement, record_head
from sinetti.authority.signer.renewals import Predecessor, check_predecessor, check_request, read_proven_request
from sinetti.authority.signer.status import StatusForm, check_status
from sinetti.authority.signer.store import AdoptedCertificate, SignedRecord, SignerStore
from sinetti.authority.signer.tasks import AROUND_NOW, SigningKey, SigningTask, TaskKind
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance_request import LeafProfile
from sinetti.ca.profiles import ca_key, encode_tlv
from sinetti.domain.refusals import Rejection
from sinetti.domain.values import Environment
from sinetti.pki.encoding import PrivateKey, PublicKey, hash_for, inner_algorithm, sign
from sinetti.pki.key_policy import check_key_policy, is_rsa
from sinetti.pki.policy_oids import channel_from_policy, signs_responses
from sinetti.pki.signers import SignatureRefused
from sinetti.pki.signers.token_keys import TokenEcKey, TokenRsaKey
from sinetti.pki.signers.token_pool import TokenSessions
from sinetti.settings.signer import PolicyCa, PolicySuccessor, SignerPolicy

_FAMILY_URI = b"http://www.w3.org/2001/04/xmldsig-more#"
_SHA256 = b"http://www.w3.org/2001/04/xmlenc#sha256"
_TRANSFORM = b'<ds:Transform Algorithm="%s"></ds:Transform>'


def check_answer(octets: bytes, key: PublicKey) -> None:
    """Check the canonical octets of an answer's SignedInfo.

    `wire/xmldsig/signature.py` writes them. Nothing else has this form: a signature over it is one of an answer alone.
    Raises SignatureRefused.
    """
    if not _form(f"{'rsa' if is_rsa(key) else 'ecdsa'}-{hash_for(key).name}").fullmatch(octets):
        refuse("they are not the SignedInfo of an answer")


@lru_cache(maxsize=8)
def _form(method: str) -> re.Pattern[bytes]:
    transforms = _TRANSFORM % (DS + b"enveloped-signature")
    before = (
        b'<ds:SignedInfo xmlns:ds="%s">'
        b'<ds:CanonicalizationMethod Algorithm="%s"></ds:CanonicalizationMethod>'
        b'<ds:SignatureMethod Algorithm="%s"></ds:SignatureMethod>'
        b'<ds:Reference URI=""><ds:Transforms>%s'
    ) % (DS, EXCLUSIVE, _FAMILY_URI + method.encode(), transforms)
    after = b'</ds:Transforms><ds:DigestMethod Algorithm="%s"></ds:DigestMethod><ds:DigestValue>' % _SHA256
    end = b"</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    # The last letter of 32 octets in base64 has two bits that are zero.
    digest = rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
    both = b"(?:%s)?" % re.escape(_TRANSFORM % EXCLUSIVE)
    return re.compile(re.escape(before) + both + re.escape(after) + digest + re.escape(end))


FINISHED_WITHIN = timedelta(hours=24)
"""Age of a reservation that is still signed.

A service that is alive finishes an abandoned reservation after a minute (services/issuance/reconcile.py). It is older
only after an outage of the service or of the signer. A day covers one; after that the holder sends the request again.
"""

WARNED_FROM = 0.8
"""Share of the daily number of certificates at which the log has a warning."""

_PARALLEL = (TaskKind.CERTIFICATE, TaskKind.STATUS, TaskKind.ANSWER)
"""Kinds of tasks that keys in a token sign several at once, in this order."""

_Recording = Callable[[bytes], None]
"""Function that records a signature which the rules allow."""

_DURABLE = {TaskKind.LIST, TaskKind.CHECKPOINT, TaskKind.DISTRUST}
_LOG_KEY = "log-"
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class SignerStatus:
    """Certificates without proof of a renewal today, and their daily limit."""

    orders: int
    orders_per_day: int

    @property
    def has_warning(self) -> bool:
        """True from 80 % of the daily number on."""
        return self.orders >= self.orders_per_day * WARNED_FROM


class _WaitsForRecordError(Exception):
    """Task about what was allowed a moment ago, to be decided after its record."""


class SigningRules:
    """The rules, with the keys and the store that they need."""

    def __init__(self, policy: SignerPolicy, store: SignerStore, keys: Mapping[str, SigningKey]) -> None:
        """Store the arguments.

        Keys of CAs have the CA's file name. Those of response signers and responders begin with their prefix and a
        hyphen, those of the log with `log-`. Raises ValueError for a key or a CA that does not fit the policy.
        """
        self._policy, self._store = policy, store
        self._cas = {ca.file_name: ca for ca in policy.authorities}
        self._keys: dict[str, SigningKey] = {}
        self._spkis: dict[str, bytes] = {}
        self._forms: dict[str, StatusForm] = {}
        self._alarm_day: date | None = None
        self._expected: dict[bytes, PolicySuccessor] = {}
        # Each rule writes to the store after its signature or undoes it, so that a refusal writes nothing.
        self._rules: Mapping[TaskKind, Callable[[SigningTask, datetime], bytes]] = {
            TaskKind.CERTIFICATE: self._certificate,
            TaskKind.LEAF: self._leaf,
            TaskKind.AUTHORITY: self._authority,
            TaskKind.ANCHORS: self._anchors,
            TaskKind.LIST: self._list,
            TaskKind.STATUS: self._status,
            TaskKind.ANSWER: self._answer,
            TaskKind.CHECKPOINT: self._checkpoint,
            TaskKind.DISTRUST: self._distrust,
            TaskKind.BRIDGE: self._bridge,
        }
        self._decides: Mapping[TaskKind, Callable[[SigningTask, datetime], bytes | _Recording]] = {
            TaskKind.CERTIFICATE: self._decide_certificate,
            TaskKind.STATUS: self._decide_status,
            TaskKind.ANSWER: self._decide_answer,
        }
        self._unrecorded: set[tuple[str, bytes]] = set()
        self._unrecorded_orders = 0
        self._sessions = TokenSessions()
        self._bridges = BridgeRules(store)
        self._profiles: dict[str, HolderProfile] = {}
        for ca in policy.authorities:
            self._admit(ca)
        for name, key in keys.items():
            self.add_key(name, key)

    @property
    def policy(self) -> SignerPolicy:
        """Policy, with the successors that were taken in."""
        return self._policy

    def add_authority(self, policy: SignerPolicy, key: SigningKey) -> None:
        """Take in a CA, the last one of the new policy, with its key.

        Raises ValueError if it does not fit the policy, or the key does not fit the CA.
        """
        ca = policy.authorities[-1]
        if key.public_key() != ca.certificate.public_key():
            raise ValueError(f"the key {ca.file_name} does not match its certificate")
        _check_ca(ca, policy)
        self._policy, self._cas[ca.file_name] = policy, ca
        self._admit(ca)
        self.add_key(ca.file_name, key)

    def expect(self, successor: PolicySuccessor) -> None:
        """Know a successor that waits for its certificate, by the key of its request."""
        key = x509.load_der_x509_csr(successor.request).public_key()
        self._expected[spki_of(cast("PublicKey", key))] = successor

    def _admit(self, ca: PolicyCa) -> None:
        """Prepare what a CA signs. Raises ValueError if it does not fit the policy."""
        _check_ca(ca, self._policy)
        if ca.role is CaRole.ISSUING:
            self._profiles[ca.file_name] = HolderProfile(ca, self._policy.country)

    def add_key(self, name: str, key: SigningKey) -> None:
        """Add a key that the signer now holds.

        Raises ValueError if the name is taken or does not fit the policy, or if the key does not fit its name.
        """
        if name in self._keys or not self._fits(name, key):
            raise ValueError(f"the key {name} is there already, or it is not one that the signer's policy names")
        self._keys[name] = key
        if not isinstance(key, Ed25519PrivateKey):
            self._spkis[name] = spki_of(key.public_key())

    def remove_key(self, name: str) -> None:
        """Forget a key that was destroyed."""
        self._keys.pop(name, None)
        self._spkis.pop(name, None)
        self._forms.pop(name, None)

    @property
    def key_names(self) -> tuple[str, ...]:
        """Names of the keys."""
        return tuple(self._keys)

    def find_key(self, name: str) -> SigningKey | None:
        """Return a key, or None."""
        return self._keys.get(name)

    def sign(self, tasks: Sequence[SigningTask], now: datetime) -> list[bytes | SignatureRefused]:
        """Sign a batch, in order; a refusal of one task leaves the others as they are.

        What the store records is committed before the result is returned. Raises SignerUnavailable if a key or
        the store cannot be used; nothing is recorded then.
        """
        # A forgotten list or head could be followed by one that contradicts it.
        with self._store.transaction(is_durable=any(task.kind in _DURABLE for task in tasks)):
            self._forget_unrecorded()
            if len(tasks) > 1 and all(
                task.kind in _PARALLEL and isinstance(self._keys.get(task.key), TokenRsaKey | TokenEcKey)
                for task in tasks
            ):
                return self._sign_in_sessions(tasks, now)
            return [self._refused_or(self._rules[task.kind], task, now) for task in tasks]

    def _refused_or(
        self, act: Callable[[SigningTask, datetime], _Result], task: SigningTask, now: datetime
    ) -> _Result | SignatureRefused:
        try:
            return act(task, now)
        except SignatureRefused as refusal:
            _log.warning("%s by %s is refused: %s", task.kind.value, task.key, refusal)
            return refusal

    def _sign_in_sessions(self, tasks: Sequence[SigningTask], now: datetime) -> list[bytes | SignatureRefused]:
        """Sign tasks as `sign` does, in several sessions of the token at once.

        All are decided first. What concerns the same certificate is decided after the record of the one before.
        """
        results: dict[int, bytes | SignatureRefused] = {}
        for kind in _PARALLEL:
            allowed: dict[int, _Recording] = {}
            for place in (place for place, task in enumerate(tasks) if task.kind is kind):
                try:
                    decided = self._refused_or(self._decides[kind], tasks[place], now)
                except _WaitsForRecordError:
                    results |= self._record_all(tasks, allowed)
                    allowed = {}
                    decided = self._refused_or(self._decides[kind], tasks[place], now)
                if isinstance(decided, bytes | SignatureRefused):
                    results[place] = decided
                else:
                    allowed[place] = decided
            results |= self._record_all(tasks, allowed)
        return [results[place] for place in range(len(tasks))]

    def _record_all(self, tasks: Sequence[SigningTask], allowed: Mapping[int, _Recording]) -> dict[int, bytes]:
        """Sign what the rules allow, and record it. Raises SignerUnavailable."""
        signatures = self._sessions.map(self._sign, [tasks[place] for place in allowed])
        made = dict(zip(allowed, signatures, strict=True))
        for place, signature in made.items():
            allowed[place](signature)
        self._forget_unrecorded()
        return made

    def _forget_unrecorded(self) -> None:
        self._unrecorded.clear()
        self._unrecorded_orders = 0

    def list_unknown(self, certificates: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Return those of these certificates that the signer does not know.

        They are named by CA and serial.
        """
        with self._store.transaction():
            return [certificate for certificate in certificates if self._store.find_signed(*certificate) is None]

    def show(self, certificates: Iterable[bytes]) -> None:
        """Remember certificates (DER) that another signer of its CAs signed.

        A second node has one.

        Each CA's signature proves that. Raises SignatureRefused, and remembers none then.
        """
        shown = []
        for der in certificates:
            certificate = IssuedCertificate.read(der)
            ca = next((authority for authority in self._policy.authorities if certificate.is_from(authority)), None)
            if ca is None:
                _refuse(f"{certificate.fields.serial.hex()} is not a certificate of one of its CAs")
            digest = hashlib.sha256(certificate.tbs).digest()
            shown.append(
                AdoptedCertificate(ca.file_name, certificate.fields.serial, certificate.fields.not_after, digest)
            )
        with self._store.transaction():
            self._store.insert_adopted(shown)

    def list_issued(self, after: int) -> list[bytes]:
        """Return the last number, and a page of holders' certificates with higher ones."""
        with self._store.transaction():
            return self._store.list_issued(after)

    def learn_distrust(self, octets: bytes, now: datetime) -> list[bytes]:
        """Remember a list of distrust that another signer or the root signed.

        A second node has a signer of its own. Raises SignatureRefused.
        """
        distrust_list = read_signed_list(octets, self._policy, now)
        with self._store.transaction(is_durable=True):
            check_follows(distrust_list, self._store, now)
            self._store.replace_distrust(distrust_list)
        return []

    def head_size(self) -> int:
        """Return the size of the log's last head that the signer signed."""
        with self._store.transaction():
            head = self._store.find_head()
        return 0 if head is None else head[0]

    def status(self, now: datetime) -> SignerStatus:
        """Return the figures of the day."""
        with self._store.transaction():
            return SignerStatus(self._store.count_orders(now.date()), self._policy.orders_per_day)

    def _certificate(self, task: SigningTask, now: datetime) -> bytes:
        return self._signed(task, self._decide_certificate(task, now))

    def _signed(self, task: SigningTask, decided: bytes | _Recording) -> bytes:
        """Return the signature of an earlier task, or sign and record what is allowed."""
        if isinstance(decided, bytes):
            return decided
        signature = self._sign(task)
        decided(signature)
        self._forget_unrecorded()
        return signature

    def _decide_certificate(self, task: SigningTask, now: datetime) -> bytes | _Recording:
        """Return the signature of an earlier task, or what records a new one."""
        ca = self._ca(task.key)
        profile = self._profiles.get(ca.file_name)
        if profile is None:
            _refuse(f"{ca.file_name} issues no certificates of holders")
        fields = read_fields(task.octets)
        known = self._known(ca, fields, task.octets)
        if known is not None:
            return known
        self._bridges.check_trusted(ca, list(self._cas.values()))
        subject = read_subject(fields.name)
        key = profile.check(task.octets, fields, subject)
        _check_dates(ca, fields, now)
        if isinstance(check_key_policy(key, self._policy.keys), Rejection):
            _refuse("its key is not one that the policy accepts")
        renewed: Predecessor | None = None
        leaf: bytes | None = None
        if task.proof is None or not task.proof.certificate:
            leaf = check_reservation(task, fields.serial)
        else:
            issuers = [authority for authority in self._policy.authorities if authority.channel is ca.channel]
            renewed = check_predecessor(task.proof.certificate, subject, issuers, self._store, now)
            asked = read_proven_request(task.proof, renewed.fields.spki)
            check_request(asked, subject, fields.spki, self._policy.environment)
        # The old key did not sign the new name, which relying services may show.
        is_order = renewed is None or renewed.subject != subject
        if is_order:
            self._check_orders(now)
        concerned = {(ca.file_name, fields.serial)}
        concerned |= set() if renewed is None else {(renewed.ca, renewed.fields.serial)}
        if concerned & self._unrecorded:
            raise _WaitsForRecordError
        self._unrecorded |= concerned
        self._unrecorded_orders += is_order

        def record(signature: bytes) -> None:
            self._insert_signed(ca, fields, task, signature)
            bits = encode_tlv(BIT_STRING, b"\0", signature)
            der = encode_tlv(SEQUENCE, task.octets, inner_algorithm(task.octets), bits)
            self._store.insert_issued(ca.file_name, fields.serial, der, leaf, now)
            if is_order:
                self._count_order(now)
            if renewed is not None:
                old = renewed.fields
                self._store.add_renewal(renewed.ca, old.serial, renewed.digest, old.not_after)

        return record

    def _leaf(self, task: SigningTask, now: datetime) -> bytes:
        ca, fields = self._ca(task.key), read_fields(task.octets)
        known = self._known(ca, fields, task.octets)
        if known is not None:
            return known
        holders = {name for name, spki in self._spkis.items() if spki == fields.spki}
        if ca.role in {CaRole.ISSUING, CaRole.SERVICES} and any(_begins(n, ca.responder_file_name) for n in holders):
            profile = LeafProfile.RESPONDER
        elif ca.role is CaRole.SERVICES and any(_begins(n, self._policy.response_signer_file_name) for n in holders):
            profile = LeafProfile.SERVICES
        else:
            _refuse(f"the signer holds no key of this certificate that {ca.file_name} may certify")
        LeafForm(ca, self._policy, profile).check(task.octets, fields, now)
        return self._record(ca, fields, task)

    def _authority(self, task: SigningTask, now: datetime) -> bytes:
        ca, fields = self._ca(task.key), read_fields(task.octets)
        self._check_test()
        known = self._known(ca, fields, task.octets)
        if known is not None:
            return known
        successor = self._expected.get(fields.spki)
        if successor is None:
            _refuse("no successor waits for a certificate with this key")
        check_successor(task.octets, ca, successor, self._policy, now)
        return self._record(ca, fields, task)

    def _anchors(self, task: SigningTask, now: datetime) -> bytes:
        self._check_test()
        check_anchors(task.octets, self._ca(task.key), self._policy, now)
        return self._sign(task)

    def _check_test(self) -> None:
        if self._policy.environment is not Environment.TEST:
            _refuse("it acts for an offline CA in TEST alone, where such a key may be here")

    def _list(self, task: SigningTask, now: datetime) -> bytes:
        ca = self._ca(task.key)
        content = read_list(task.octets, ca)
        change = check_list(content, ca, self._store, now)
        signature = self._sign(task)
        self._store.replace_list(ca.file_name, content.shard, content.record, change.added, change.serials)
        return signature

    def _status(self, task: SigningTask, now: datetime) -> bytes:
        return self._signed(task, self._decide_status(task, now))

    def _decide_status(self, task: SigningTask, now: datetime) -> _Recording:
        ca = next(
            (policy_ca for policy_ca in self._cas.values() if _begins(task.key, policy_ca.responder_file_name)), None
        )
        if ca is None or task.key not in self._keys:
            _refuse(f"{task.key} is no key of an OCSP responder")
        form = self._forms.get(task.key)
        if form is None:
            form = self._forms[task.key] = StatusForm(ca, self._spkis[task.key])
        check_status(form.read(task.octets), ca, self._store, now)
        return _record_nothing

    def _answer(self, task: SigningTask, now: datetime) -> bytes:
        return self._signed(task, self._decide_answer(task, now))

    def _decide_answer(self, task: SigningTask, _now: datetime) -> _Recording:
        key = self._keys.get(task.key)
        if not _begins(task.key, self._policy.response_signer_file_name) or not isinstance(key, PrivateKey):
            _refuse(f"{task.key} is no key that signs answers")
        check_answer(task.octets, key.public_key())
        return _record_nothing

    def _checkpoint(self, task: SigningTask, now: datetime) -> bytes:
        log_keys = {name: key for name, key in self._keys.items() if isinstance(key, Ed25519PrivateKey)}
        if task.key not in log_keys:
            _refuse(f"{task.key} is no key of the log")
        if task.octets.startswith(STATEMENT):
            public = [key.public_key().public_bytes_raw() for key in log_keys.values()]
            proposal = check_statement(task, self._policy, public, self._store, now)
            signature = self._sign(task)
            if proposal is not None:
                self._store.insert_act(proposal, hashlib.sha256(task.octets).digest())
            return signature
        with self._store.savepoint():
            record_head(task, self._policy.log_origin, self._store, now)
        return self._sign(task)

    def _distrust(self, task: SigningTask, now: datetime) -> bytes:
        self._services_of(task.key)
        approved = check_distrust(task, self._policy, self._store, now)
        signature = self._sign(task)
        if approved.proposal is not None and approved.new is not None:
            self._store.insert_act(approved.proposal, digest_of(approved.new))
        self._store.replace_distrust(approved.content)
        return signature

    def _bridge(self, task: SigningTask, now: datetime) -> bytes:
        own = self._services_of(task.key)
        others = [ca for ca in self._cas.values() if ca is not own]
        self._bridges.check(task, self._spkis[task.key], others, now)
        return self._sign(task)

    def _services_of(self, name: str) -> PolicyCa:
        """Return the services CA whose OCSP responder has this key."""
        cas = (policy_ca for policy_ca in self._cas.values() if policy_ca.role is CaRole.SERVICES)
        policy_ca = next((policy_ca for policy_ca in cas if _begins(name, policy_ca.responder_file_name)), None)
        if policy_ca is None or name not in self._keys:
            _refuse(f"{name} is no key of an OCSP responder of a services CA")
        return policy_ca

    def _ca(self, name: str) -> PolicyCa:
        """Return a CA whose key is here."""
        if name not in self._cas or name not in self._keys:
            _refuse(f"{name} is no key of a CA")
        return self._cas[name]

    def _known(self, ca: PolicyCa, fields: CertificateFields, octets: bytes) -> bytes | None:
        """Return the stored signature over the same octets, or None for a new serial."""
        known = self._store.find_signed(ca.file_name, fields.serial)
        if known is None:
            return None
        if not known.signature or known.digest != hashlib.sha256(octets).digest():
            _refuse(f"{ca.file_name} has another certificate with the serial number {fields.serial.hex()}")
        return known.signature

    def _record(self, ca: PolicyCa, fields: CertificateFields, task: SigningTask) -> bytes:
        signature = self._sign(task)
        self._insert_signed(ca, fields, task, signature)
        return signature

    def _insert_signed(self, ca: PolicyCa, fields: CertificateFields, task: SigningTask, signature: bytes) -> None:
        digest = hashlib.sha256(task.octets).digest()
        self._store.insert_signed(ca.file_name, fields.serial, SignedRecord(digest, signature, fields.not_after))

    def _check_orders(self, now: datetime) -> None:
        """Refuse a certificate without proof once the day's number is reached."""
        limit = self._policy.orders_per_day
        if self._store.count_orders(now.date()) + self._unrecorded_orders < limit:
            return
        if self._alarm_day != now.date():
            self._alarm_day = now.date()
            _log.error("%d certificates without a renewal were signed today, the greatest number: see why", limit)
        _refuse(f"{limit} certificates without a renewal were signed today, which is the policy's limit")

    def _count_order(self, now: datetime) -> None:
        self._store.add_order(now.date())
        figures = SignerStatus(self._store.count_orders(now.date()), self._policy.orders_per_day)
        if figures.has_warning and not SignerStatus(figures.orders - 1, figures.orders_per_day).has_warning:
            _log.warning(
                "%d certificates without a renewal were signed today, of %d", figures.orders, figures.orders_per_day
            )

    def _sign(self, task: SigningTask) -> bytes:
        key = self._keys[task.key]
        return key.sign(task.octets) if isinstance(key, Ed25519PrivateKey) else sign(key, task.octets)

    def _fits(self, name: str, key: SigningKey) -> bool:
        if isinstance(key, Ed25519PrivateKey):
            return name.startswith(_LOG_KEY)
        if name in self._cas:
            return bool(key.public_key() == self._cas[name].certificate.public_key())
        prefixes = [ca.responder_file_name for ca in self._cas.values()]
        return any(_begins(name, prefix) for prefix in (*prefixes, self._policy.response_signer_file_name))


def _record_nothing(_signature: bytes) -> None:
    """Record nothing: answers say what is recorded elsewhere."""


def _begins(name: str, prefix: str) -> bool:
    """Return True for a name `PREFIX-ID`; an id has no hyphen."""
    begin, hyphen, rest = name.rpartition("-")
    return bool(hyphen and rest) and begin == prefix


def _check_ca(ca: PolicyCa, policy: SignerPolicy) -> None:
    """Raise ValueError if a CA's certificate shows another purpose than the policy."""
    fits = {
        CaRole.ISSUING: channel_from_policy(ca.certificate) == (ca.channel, policy.environment),
        CaRole.SERVICES: signs_responses(ca.certificate, policy.environment),
    }
    if not fits.get(ca.role, True):
        raise ValueError(f"the certificate of {ca.file_name} has the policy of another channel or environment")
    ca_key(ca.certificate)


def _check_dates(ca: PolicyCa, fields: CertificateFields, now: datetime) -> None:
    if not now - FINISHED_WITHIN <= fields.not_before <= now + AROUND_NOW:
        _refuse("it begins in the future, or more than a day ago")
    if not timedelta(0) < fields.not_after - fields.not_before <= ca.longest_validity:
        _refuse("it would be valid for longer than the policy allows")
    if fields.not_before < ca.certificate.not_valid_before_utc or fields.not_after > ca.certificate.not_valid_after_utc:
        _refuse("its validity is not within that of its CA")


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the signer refuses: {why}")
