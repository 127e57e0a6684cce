"""List of distrusted CAs, and answers of a bridge about their certificates.

The OCSP responder of another CA signs both (docs/operators/succession.md). The signer remembers the distrusted CAs from
the lists that it signed.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from cryptography import x509

from sinetti.authority.signer.approvals import verify_approval
from sinetti.authority.signer.certificates import IssuedCertificate
from sinetti.authority.signer.status import StatusContent, StatusForm
from sinetti.authority.signer.store import SignerStore
from sinetti.authority.signer.tasks import AROUND_NOW, SigningTask
from sinetti.ca.hierarchy_model import CaRole
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.approvals.proposals import Proposal
from sinetti.domain.authorities.distrust import ANSWER_LIFE, LONGEST_BRIDGE
from sinetti.domain.certificates.ocsp_status import CertStatus
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.pki.encoding import certificate_der, sha256_hex
from sinetti.pki.signers import SignatureRefused
from sinetti.pki.trust_lists.lists import DistrustEntry, DistrustList, InvalidTrustList, parse_octets_to_sign
from sinetti.pki.trust_lists.verification import ListReader, check_number, verify_distrust
from sinetti.settings.signer import PolicyCa, SignerPolicy


@dataclass(frozen=True)
class ApprovedList:
    """A list that is to be signed, with the act that approved its new entry, if any."""

    content: DistrustList
    new: DistrustEntry | None
    proposal: str | None


def declaration_parameters(name: str, since: datetime) -> dict[str, str]:
    """Return the parameters of the act that declares a compromise.

    An act may have `bridge_hours` and the digest of a `checkpoint` besides, which narrow the bridge.
    """
    reason = RevocationReason.CA_COMPROMISE.value
    return {"change": "revoke", "ca": name, "reason": reason, "since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}


def check_distrust(task: SigningTask, policy: SignerPolicy, store: SignerStore, now: datetime) -> ApprovedList:
    """Check a list of distrust, which adds one entry to the last one at most.

    A new entry needs the approval of officers, if the policy has any. Raises SignatureRefused.
    """
    try:
        content = parse_octets_to_sign(task.octets)
    except InvalidTrustList as bad:
        _refuse(str(bad))
    roots = {sha256_hex(certificate_der(root)) for root in _roots(policy)}
    if not isinstance(content, DistrustList) or content.environment is not policy.environment:
        _refuse("it is no list of distrust of this environment")
    if content.authority not in roots:
        _refuse("it is of another authority")
    if abs(now - content.issued) > AROUND_NOW:
        _refuse("it was issued more than five minutes from the signer's clock")
    new = check_follows(content, store, now)
    if len(new) > 1:
        _refuse("it has more than one new entry")
    proposal = _check_entry(new[0], task, policy, store, now) if new else None
    return ApprovedList(content, new[0] if new else None, proposal)


def check_follows(content: DistrustList, store: SignerStore, now: datetime) -> list[DistrustEntry]:
    """Return the new entries of a list that follows the last one.

    Raises SignatureRefused unless its number is higher, with room for later ones, and it keeps all entries.
    """
    try:
        check_number(content, now)
    except InvalidTrustList as bad:
        _refuse(str(bad))
    last, known = store.distrust_number(), store.list_distrust()
    if content.number <= last:
        _refuse(f"its number {content.number} is not above {last}, the last one")
    kept = {authority.sha256: authority for authority in content.authorities}
    if missing := [
        distrust_entry.name for distrust_entry in known if kept.get(distrust_entry.sha256) != distrust_entry
    ]:
        _refuse(f"the entry of {missing[0]} is missing or differs")
    return [authority for authority in content.authorities if authority not in known]


def read_signed_list(octets: bytes, policy: SignerPolicy, now: datetime) -> DistrustList:
    """Return a list that a root or the responder of a services CA signed.

    Raises SignatureRefused.
    """
    try:
        return verify_distrust(octets, ListReader(policy.environment, _roots(policy)), now)
    except InvalidTrustList as bad:
        _refuse(str(bad))


def _roots(policy: SignerPolicy) -> tuple[x509.Certificate, ...]:
    return tuple(authority.certificate for authority in policy.authorities if authority.role is CaRole.ROOT)


def _check_entry(
    entry: DistrustEntry, task: SigningTask, policy: SignerPolicy, store: SignerStore, now: datetime
) -> str | None:
    """Check a new entry; return the id of the proposal that approved it.

    Returns None if the policy has no officers. Raises SignatureRefused.
    """
    ca = next((authority for authority in policy.authorities if authority.file_name == entry.name), None)
    if ca is not None and sha256_hex(certificate_der(ca.certificate)) != entry.sha256:
        _refuse(f"{entry.name} has another certificate")
    latest = now + AROUND_NOW
    if entry.since > latest or entry.bridge_until > latest + timedelta(hours=LONGEST_BRIDGE):
        _refuse(f"{entry.name} is distrusted from the future on, or its bridge is open for too long")
    if not policy.officers:
        return None
    if task.approval is None:
        _refuse(f"the declaration about {entry.name} has no approval")
    proposal: Proposal = verify_approval(task.approval, policy, now)
    given = dict(proposal.parameters)
    hours = given.pop("bridge_hours", str(LONGEST_BRIDGE))
    given.pop("checkpoint", None)
    if (proposal.act, given) != (TwoPersonAct.CA, declaration_parameters(entry.name, entry.since)):
        _refuse("the approval is of another act")
    if not hours.isdecimal() or entry.bridge_until > latest + timedelta(hours=int(hours[:3])):
        _refuse("the bridge is open for longer than approved")
    if store.find_act(proposal.proposal_id) not in {None, digest_of(entry)}:
        _refuse("the approval was used for another declaration")
    return proposal.proposal_id


def digest_of(entry: DistrustEntry) -> bytes:
    """Return the digest under which the approval of an entry is remembered."""
    text = f"{entry.sha256} {entry.name} {entry.since.isoformat()} {entry.bridge_until.isoformat()}"
    return hashlib.sha256(text.encode()).digest()


class BridgeRules:
    """Rules of answers about certificates of distrusted CAs."""

    def __init__(self, store: SignerStore) -> None:
        """Store the memory of the signer."""
        self._store = store
        self._forms: dict[tuple[bytes, str], StatusForm] = {}

    def check(self, task: SigningTask, responder: bytes, authorities: Sequence[PolicyCa], now: datetime) -> None:
        """Check a ResponseData about a certificate of one of these CAs.

        `responder` is the key in DER. `authorities` are those of the policy but for the responder's own CA. Raises
        SignatureRefused.
        """
        ca, content = self._read(task.octets, responder, authorities)
        if abs(now - content.this_update) > AROUND_NOW:
            _refuse_answer("thisUpdate is more than five minutes from the signer's clock")
        if not content.this_update <= content.next_update <= content.this_update + ANSWER_LIFE:
            _refuse_answer("it would be valid for more than ten minutes")
        distrust_entries = self._entries(ca, authorities)
        if not distrust_entries:
            _refuse_answer(f"{ca.file_name} is on no list of distrust")
        if content.status is not CertStatus.GOOD:
            if content.certificate_hash is not None:
                _refuse_answer("only a good certificate is named by its hash")
            return
        if now > min(distrust_entry.bridge_until for distrust_entry in distrust_entries):
            _refuse_answer("the bridge has ended")
        self._check_good(task, content, ca, min(distrust_entry.since for distrust_entry in distrust_entries))

    def check_trusted(self, ca: PolicyCa, authorities: Sequence[PolicyCa]) -> None:
        """Raise SignatureRefused if a CA or one above it is distrusted."""
        if distrust_entries := self._entries(ca, authorities):
            raise SignatureRefused(
                f"the signer refuses: {distrust_entries[0].name} is distrusted, so nothing new is issued below it"
            )

    def _entries(self, ca: PolicyCa, authorities: Sequence[PolicyCa]) -> list[DistrustEntry]:
        """Return the entries of a CA and of those above it."""
        entries = {distrust_entry.name: distrust_entry for distrust_entry in self._store.list_distrust()}
        return (
            [entries[policy_ca.file_name] for policy_ca in _chain(ca, authorities) if policy_ca.file_name in entries]
            if entries
            else []
        )

    def _read(self, octets: bytes, responder: bytes, authorities: Sequence[PolicyCa]) -> tuple[PolicyCa, StatusContent]:
        why: SignatureRefused | None = None
        for ca in authorities:
            key = (responder, ca.file_name)
            form = self._forms.get(key) or self._forms.setdefault(key, StatusForm(ca, responder))
            try:
                return ca, form.read(octets)
            except SignatureRefused as refused:
                why = refused
        raise why or SignatureRefused("the policy has no other CA")

    def _check_good(self, task: SigningTask, content: StatusContent, ca: PolicyCa, since: datetime) -> None:
        """Check that the answer is about one certificate, signed here before an instant."""
        if task.proof is None:
            _refuse_answer("its certificate does not come with it")
        der, serial = task.proof.certificate, content.serial
        certificate = IssuedCertificate.read(der)
        if content.certificate_hash != hashlib.sha256(der).digest() or certificate.fields.serial != serial:
            _refuse_answer("it has the hash of another certificate")
        known = self._store.find_signed(ca.file_name, serial)
        if known is None or known.digest != hashlib.sha256(certificate.tbs).digest() or not certificate.is_from(ca):
            _refuse_answer(f"the certificate {serial.hex()} was not signed here")
        if self._store.is_revoked(ca.file_name, serial):
            _refuse_answer(f"{serial.hex()} is on a revocation list, so it is not good")
        if certificate.fields.not_before >= since:
            _refuse_answer(f"{serial.hex()} begins after the key was stolen")


def _chain(ca: PolicyCa, authorities: Collection[PolicyCa]) -> list[PolicyCa]:
    """Return a CA and those of the policy above it, by name."""
    named: Mapping[bytes, PolicyCa] = {
        authority.certificate.subject.public_bytes(): authority for authority in authorities
    }
    policy_cas, above = [ca], named.get(ca.certificate.issuer.public_bytes())
    while above is not None and above not in policy_cas:
        policy_cas.append(above)
        above = named.get(above.certificate.issuer.public_bytes())
    return policy_cas


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the list of distrust is not signed: {why}") from None


def _refuse_answer(why: str) -> NoReturn:
    raise SignatureRefused(f"the answer of the bridge is not signed: {why}")
