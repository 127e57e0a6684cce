"""Certificates of the service itself; in TEST also of CAs, and lists of anchors."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from sinetti.authority.signer.certificates import CertificateFields, check_serial, load_spki, read_fields
from sinetti.authority.signer.tasks import AROUND_NOW
from sinetti.ca.hierarchy_builder import BACKDATED, RESPONDER_LIFE, certificate_plan, responder_name
from sinetti.ca.hierarchy_model import CaRole, CaSpec
from sinetti.ca.issuance import build_tbs, prepare_authority
from sinetti.ca.issuance_request import IssuingCa, LeafProfile, LeafRequest
from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.pki.signers import SignatureRefused
from sinetti.pki.trust_lists.lists import AnchorsList, InvalidTrustList, parse_octets_to_sign
from sinetti.pki.trust_lists.verification import check_number
from sinetti.settings.signer import PolicyCa, PolicySuccessor, SignerPolicy


@dataclass(frozen=True)
class LeafForm:
    """Form of one kind of leaf of one CA."""

    ca: PolicyCa
    policy: SignerPolicy
    profile: LeafProfile

    def check(self, tbs: bytes, fields: CertificateFields, now: datetime) -> None:
        """Check that the octets are exactly those of such a leaf that begins now.

        The caller has checked that the signer holds its key. Raises SignatureRefused.
        """
        _check_begin(fields, now)
        longest = RESPONDER_LIFE if self.profile is LeafProfile.RESPONDER else self.ca.longest_validity
        if fields.not_after - fields.not_before > longest + BACKDATED:
            _refuse(f"it would be valid for more than {longest.days} days")
        try:
            rebuilt = build_tbs(self._plan(fields), _issuer(self.ca), self.profile)
        except ValueError as bad:
            _refuse(str(bad))
        if rebuilt != tbs:
            _refuse("the octets differ from the profile of the CA")

    def _plan(self, fields: CertificateFields) -> LeafRequest:
        is_responder = self.profile is LeafProfile.RESPONDER
        return LeafRequest(
            customer_id=responder_name(self.ca.name) if is_responder else self.policy.response_signer,
            organisation=self.policy.organisation,
            country=self.policy.country,
            subject_serial=None,
            public_key=load_spki(fields.spki),
            serial=Serial(fields.serial.hex()),
            span=ValidityPeriod(fields.not_before, fields.not_after),
        )


def check_successor(tbs: bytes, ca: PolicyCa, successor: PolicySuccessor, policy: SignerPolicy, now: datetime) -> None:
    """Check that the octets are exactly those of a successor that begins now.

    The caller has checked that its key is that of the successor's request. Raises SignatureRefused.
    """
    fields = read_fields(tbs)
    _check_begin(fields, now)
    spec = CaSpec(successor.name, successor.role, ca.name, successor.key_type, timedelta(0), successor.channel)
    span = ValidityPeriod(fields.not_before, fields.not_after)
    plan = certificate_plan(policy.subject, spec, load_spki(fields.spki), Serial(fields.serial.hex()), span)
    try:
        rebuilt = prepare_authority(plan, _issuer(ca))
    except ValueError as bad:
        _refuse(str(bad))
    if rebuilt != tbs:
        _refuse(f"the octets differ from the profile of {successor.name}")


def check_anchors(octets: bytes, root: PolicyCa, policy: SignerPolicy, now: datetime) -> None:
    """Check that the octets are a list of anchors with CAs of the policy alone.

    Raises SignatureRefused.
    """
    try:
        trust_list = parse_octets_to_sign(octets)
        check_number(trust_list, now)
    except InvalidTrustList as bad:
        _refuse(str(bad))
    if not isinstance(trust_list, AnchorsList) or root.role is not CaRole.ROOT:
        _refuse("only a root signs a list of anchors, and nothing else in its form")
    if trust_list.environment is not policy.environment or abs(trust_list.issued - now) > AROUND_NOW:
        _refuse("the list of anchors is of another environment or of another time")
    known = {authority.certificate for authority in policy.authorities}
    if any(authority.certificate not in known for authority in trust_list.authorities):
        _refuse("the list of anchors has a CA that is not of the signer's policy")


def _check_begin(fields: CertificateFields, now: datetime) -> None:
    check_serial(fields.serial)
    if not now - BACKDATED - AROUND_NOW <= fields.not_before <= now + AROUND_NOW:
        _refuse("it does not begin now")


def _issuer(ca: PolicyCa) -> IssuingCa:
    return IssuingCa(ca.name, ca.file_name, ca.file_name, ca.certificate, ca.base_url)


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the certificate of the service is not signed: {why}") from None
