"""Certificates of the service itself: response signers and OCSP responders."""

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sinetti.authority.signer.certificates import CertificateFields, check_serial, load_spki
from sinetti.authority.signer.tasks import AROUND_NOW
from sinetti.ca.hierarchy_builder import BACKDATED, RESPONDER_LIFE, responder_name
from sinetti.ca.issuance import build_tbs
from sinetti.ca.issuance_request import IssuingCa, LeafProfile, LeafRequest
from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.pki.signers import SignatureRefused
from sinetti.settings.signer import PolicyCa, SignerPolicy


@dataclass(frozen=True, slots=True)
class LeafForm:
    """Form of one kind of leaf of one CA."""

    ca: PolicyCa
    policy: SignerPolicy
    profile: LeafProfile

    def check(self, tbs: bytes, fields: CertificateFields, now: datetime) -> None:
        """Check that the octets are exactly those of such a leaf that begins now.

        The caller has checked that the signer holds its key. Raises SignatureRefused.
        """
        check_serial(fields.serial)
        longest = RESPONDER_LIFE if self.profile is LeafProfile.RESPONDER else self.ca.longest_validity
        if not now - BACKDATED - AROUND_NOW <= fields.not_before <= now + AROUND_NOW:
            _refuse("it does not begin now")
        if fields.not_after - fields.not_before > longest + BACKDATED:
            _refuse(f"it would be valid for more than {longest.days} days")
        ca = self.ca
        issuer = IssuingCa(ca.name, ca.file_name, ca.file_name, ca.certificate, ca.base_url)
        try:
            rebuilt = build_tbs(self._plan(fields), issuer, self.profile)
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


def _refuse(why: str) -> NoReturn:
    sentence = f"the certificate of the service is not signed: {why}"
    raise SignatureRefused(sentence) from None
