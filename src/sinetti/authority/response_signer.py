"""Seals answers with the certificate of the services CA's leaf, which is replaced in time."""

from cryptography import x509

from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.key_files import ServiceKeyFiles
from sinetti.authority.service_certificates import (
    IssuanceDependencies,
    IssuerExpired,
    ManagedCertificate,
    ManagedCertificateSpec,
)
from sinetti.ca.hierarchy_builder import response_signer_plan
from sinetti.ca.hierarchy_config import Hierarchy
from sinetti.ca.issuance import IssuingCa, LeafProfile
from sinetti.pki.encoding import certificate_der
from sinetti.wire.xmldsig.signature import DocumentSigner, signer_for_key

AnswersUnsigned = IssuerExpired
"""The services CA has ended: no answer can be signed any more."""


class ResponseSigner:
    """Seals answers; the last signer ends with the services CA."""

    def __init__(
        self,
        folder: DataDirectory,
        hierarchy: Hierarchy,
        issuer: IssuingCa,
        means: IssuanceDependencies,
        passphrase: bytes | None,
    ) -> None:
        """Remember where keys are (`issuer` is the services CA); the first seal loads or makes one."""
        spec = response_signer_leaf(hierarchy, issuer)
        self._leaf = ManagedCertificate(folder, spec, means, passphrase)
        self._held: tuple[x509.Certificate, DocumentSigner] | None = None

    def seal(self) -> DocumentSigner:
        """The seal for an answer that is given now.

        Raises AnswersUnsigned, SignerUnavailable, OSError and ValueError where no signer is in force.
        """
        pair, held = self._leaf.pair(), self._held
        if held is None or held[0] is not pair.certificate:
            held = self._held = (pair.certificate, signer_for_key(pair.key, certificate_der(pair.certificate)))
        return held[1]


def response_signer_leaf(hierarchy: Hierarchy, issuer: IssuingCa) -> ManagedCertificateSpec:
    """The leaf of the services CA that signs answers."""
    ends_by = issuer.certificate.not_valid_after_utc
    return ManagedCertificateSpec(
        files=ServiceKeyFiles(hierarchy.response_signer.file_name, LeafProfile.SERVICES),
        key_type=hierarchy.response_signer.key_type,
        plan=lambda key, now: response_signer_plan(hierarchy, key, now, ends_by=ends_by),
        issuer=issuer,
    )
