"""OCSP responders: one for each CA that issues leaves, with a key of its own, replaced in time."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from cryptography import x509

from sinetti.authority.data_directory import DataDirectory, FolderError
from sinetti.authority.key_files import ServiceKeyFiles, certificates_of
from sinetti.authority.service_certificates import (
    IssuanceDependencies,
    ManagedCertificate,
    ManagedCertificateSpec,
    response_signer_leaf,
)
from sinetti.ca.hierarchy_builder import responder_plan
from sinetti.ca.hierarchy_model import CaSpec, Hierarchy
from sinetti.ca.issuance_request import IssuingCa, LeafProfile
from sinetti.ca.ocsp import Responder, responder_of
from sinetti.database.connection import DATABASE_UNAVAILABLE, Database
from sinetti.database.issuance import ocsp_responses
from sinetti.database.issuance.ocsp_responses import OwnCertificate
from sinetti.domain.values import KeyType
from sinetti.pki.encoding import certificate_der, serial_hex, sha256_hex
from sinetti.pki.signers import SignerUnavailable

_log = logging.getLogger(__name__)


class OcspResponder:
    """Who answers OCSP requests for one CA, in one process; the last one ends with its CA."""

    def __init__(
        self, folder: DataDirectory, spec: ManagedCertificateSpec, means: IssuanceDependencies, passphrase: bytes | None
    ) -> None:
        """Remember where keys are; the first question loads or makes one."""
        self._leaf = ManagedCertificate(folder, spec, means, passphrase)
        self._held: Responder | None = None

    def __call__(self) -> Responder:
        """The responder in force. Raises SignerUnavailable where there is none, whatever the reason."""
        try:
            pair, held = self._leaf.pair(), self._held
            if held is None or held.certificate is not pair.certificate:
                held = self._held = responder_of(pair.certificate, pair.key)
        except (FolderError, OSError, ValueError) as away:
            raise SignerUnavailable(str(away)) from away
        return held


def responders(
    folder: DataDirectory,
    hierarchy: Hierarchy,
    issuers: Mapping[str, IssuingCa],
    means: IssuanceDependencies,
    passphrase: bytes | None,
) -> dict[str, Callable[[], Responder]]:
    """The responders of every CA that issues leaves, by its name."""
    return {
        spec.file_name: OcspResponder(folder, _leaf(hierarchy, spec, issuers[spec.file_name]), means, passphrase)
        for spec in hierarchy.answering
    }


def register_certificates(db: Database, certificates: Iterable[tuple[str, x509.Certificate]]) -> None:
    """Tell the register of the service's own certificates, by the names of their CAs, so that they are good if asked.

    What cannot be told now is told at the next start: it is in the folder.
    """
    rows = [
        OwnCertificate(
            authority, serial_hex(one.serial_number), sha256_hex(certificate_der(one)), one.not_valid_after_utc
        )
        for authority, one in certificates
    ]
    try:
        ocsp_responses.record_own(db, rows)
    except DATABASE_UNAVAILABLE:
        _log.warning("the register does not know %d own certificates yet", len(rows), exc_info=True)


def register_existing(
    db: Database, folder: DataDirectory, hierarchy: Hierarchy, issuers: Mapping[str, IssuingCa]
) -> None:
    """Tell the register of all that lie in the folder, which other code may have made."""
    specs = [_leaf(hierarchy, spec, issuers[spec.file_name]) for spec in hierarchy.answering]
    specs.append(response_signer_leaf(hierarchy, issuers[hierarchy.services.file_name]))
    found = [
        (spec.issuer.file_name, one)
        for spec in specs
        for one in certificates_of(folder, spec.files, spec.issuer.certificate)
    ]
    register_certificates(db, found)


def ensure_valid(all_of_them: Mapping[str, Callable[[], Responder]]) -> None:
    """Have every responder in force, as far as that can be; what cannot stands in the log."""
    for name, responder in all_of_them.items():
        try:
            responder()
        except SignerUnavailable as away:
            _log.error("no OCSP responder of %s is in force: %s", name, away)


def _leaf(hierarchy: Hierarchy, spec: CaSpec, issuer: IssuingCa) -> ManagedCertificateSpec:
    return ManagedCertificateSpec(
        files=ServiceKeyFiles(spec.responder_file_name, LeafProfile.RESPONDER),
        key_type=KeyType.EC_P256,
        plan=partial(responder_plan, hierarchy, issuer),
        issuer=issuer,
    )
