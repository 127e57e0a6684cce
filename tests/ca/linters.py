"""pkilint's PKIX sets, through its Python interface."""

from pkilint import loader, pkix
from pkilint.pkix import certificate, crl, extension, name
from pkilint.pkix import ocsp as pkix_ocsp
from pkilint.validation import ValidationFindingSeverity

CERTIFICATES = certificate.create_pkix_certificate_validator_container(
    certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
    [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container([]),
        certificate.create_spki_validator_container([]),
    ],
)
LISTS = crl.create_pkix_crl_validator_container(
    [
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ],
    [
        crl.create_issuer_validator_container([]),
        crl.create_validity_validator_container([]),
        crl.create_extensions_validator_container([]),
    ],
)


ANSWERS = pkix_ocsp.create_pkix_ocsp_response_validator_container(
    [
        pkix_ocsp.create_response_decoder(),
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ],
    [],
)


def answer_findings(der: bytes) -> set[str]:
    """Return all findings of pkilint about an OCSP answer, down to notices."""
    document = loader.RFC6960OCSPResponseDocumentLoader().load_der_document(der, "answer")
    return _codes(ANSWERS.validate(document.root))


def certificate_findings(der: bytes) -> set[str]:
    """Return all findings of pkilint about a certificate, down to notices."""
    document = loader.RFC5280CertificateDocumentLoader().load_der_document(der, "certificate")
    return _codes(CERTIFICATES.validate(document.root))


def list_findings(der: bytes) -> set[str]:
    """Return all findings of pkilint about a CRL, down to notices."""
    document = loader.RFC5280CertificateListDocumentLoader().load_der_document(der, "crl")
    return _codes(LISTS.validate(document.root))


def _codes(results) -> set[str]:
    return {
        described.finding.code
        for result in results
        for described in result.finding_descriptions
        if described.finding.severity <= ValidationFindingSeverity.NOTICE
    }
