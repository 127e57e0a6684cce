"""Certificates of the service itself, each with its key.

They are loaded, and replaced in time by one process.

The response signer's certificate is issued by the services CA. Each CA that issues leaves has an OCSP responder with a
separate key.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import cast

from cryptography import x509

from sinetti.authority.data_directory import DataDirectory, FolderDamaged, FolderError, locked
from sinetti.authority.key_files import KeyPair, ServiceKeyFiles, certificates_of, current_pair, store_pair
from sinetti.authority.key_store import AuthorityKeys
from sinetti.ca.hierarchy_builder import responder_plan, response_signer_plan
from sinetti.ca.hierarchy_model import CaRole, CaSpec, Hierarchy
from sinetti.ca.issuance import attach_signature, build_tbs
from sinetti.ca.issuance_request import IssuingCa, LeafProfile, LeafRequest
from sinetti.ca.ocsp import Responder, responder_of
from sinetti.database.connection import DATABASE_UNAVAILABLE, Database
from sinetti.database.issuance import ocsp_responses
from sinetti.database.issuance.ocsp_responses import OwnCertificate
from sinetti.domain.values import KeyType
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.chain import is_valid_at
from sinetti.pki.encoding import PublicKey, certificate_der, load_certificate, serial_hex, sha256_hex
from sinetti.pki.signers import SignerUnavailable
from sinetti.wire.xmldsig.signers import DocumentSigner, signer_for_key

RENEWED_BEFORE = timedelta(days=90)
"""Remaining validity at which a leaf is replaced.

If a third of its life is less, that counts.
"""

TRIED_AGAIN_AFTER = 30.0
"""Seconds until a failed replacement is tried again."""

_log = logging.getLogger(__name__)


class IssuerExpired(FolderDamaged):
    """Expired CA, and with it all its leaves; the sentence has the date and the fix."""


@dataclass(frozen=True)
class ManagedCertificateSpec:
    """Specification of a leaf: files, kind of key, contents, CA.

    The contents depend on the instant of issuance (UTC).
    """

    files: ServiceKeyFiles
    key_type: KeyType
    plan: Callable[[PublicKey, datetime], LeafRequest]
    issuer: IssuingCa

    @property
    def kind(self) -> LeafProfile:
        """Certificate profile of the leaf."""
        return self.files.kind


@dataclass(frozen=True)
class IssuanceDependencies:
    """Means to issue a leaf: the authority's keys, the clock, and its trust.

    `made` is called with each new certificate and the name of its CA.
    """

    keys: AuthorityKeys
    now: Callable[[], datetime]
    issuance_allowed: Callable[[], bool]
    made: Callable[[str, x509.Certificate], None]


class ManagedCertificate:
    """One leaf and its successors, in one process.

    The last leaf ends with its CA.
    """

    def __init__(self, folder: DataDirectory, spec: ManagedCertificateSpec, dependencies: IssuanceDependencies) -> None:
        """Store the arguments; the first use loads or creates a pair."""
        self._folder, self._spec, self._means = folder, spec, dependencies
        self._lock = Lock()
        self._held: KeyPair | None = None
        self._again = 0.0

    def pair(self) -> KeyPair:
        """Return the current pair.

        If a replacement is due, one caller creates it. Meanwhile, or after a failure, the valid pair stays in use.
        While the clock is not trusted, none is created (docs/operators/clock.md), and the previous pair stays in use,
        even if that clock shows it as expired. Raises IssuerExpired, SignerUnavailable, OSError and ValueError if there
        is no valid pair.
        """
        now = self._means.now()
        held = self._held
        if held is not None and held.is_lost:
            held = self._held = None
        if held is None or not is_valid_at(held.certificate, now):
            with self._lock:
                return self._made(now)
        if (
            self._lasts(held.certificate, now)
            or monotonic_seconds() < self._again
            or not self._lock.acquire(blocking=False)
        ):
            return held
        try:
            return self._made(now)
        except SignerUnavailable:
            return held
        finally:
            self._lock.release()

    def _lasts(self, certificate: x509.Certificate, now: datetime) -> bool:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        due = end - min(RENEWED_BEFORE, (end - begin) / 3)
        return is_valid_at(certificate, now) and (now < due or end >= self._spec.issuer.certificate.not_valid_after_utc)

    def _made(self, now: datetime) -> KeyPair:
        held = self._held
        if held is not None and not self._lasts(held.certificate, now) and not self._clock_believed():
            return held
        if held is None or not self._lasts(held.certificate, now):
            held = self._held = self._pair_for(now)
        return held

    def _clock_believed(self) -> bool:
        try:
            return self._means.issuance_allowed()
        except DATABASE_UNAVAILABLE:
            # The clock cannot be checked then, and the response about that must be signed.
            return False

    def _pair_for(self, now: datetime) -> KeyPair:
        name, ca = self._spec.files.name, self._spec.issuer
        believed = self._clock_believed()
        if believed and now > (end := ca.certificate.not_valid_after_utc):
            raise IssuerExpired(
                f"{ca.name} ended at {end:%Y-%m-%dT%H:%M:%SZ}, so answers cannot be signed: give it a successor "
                "with sinetti authority ca begin"
            )
        if monotonic_seconds() < self._again:
            raise SignerUnavailable(
                f"no certificate for {name} could be made; the next attempts follow every {TRIED_AGAIN_AFTER:.0f} s"
            )
        newest = self._newest(now)
        if newest is not None and self._lasts(newest.certificate, now):
            return newest
        if not believed:
            if newest is not None:
                return newest
            raise SignerUnavailable(
                f"no certificate for {name} is in force, and none is made while the clock is not trusted"
            )
        try:
            with locked(self._folder.certificates, wait=True):
                # Another process of this node may have created one during the wait.
                made = self._newest(now)
                if made is not None and self._lasts(made.certificate, now):
                    return made
                pair = self._issued(now)
        except (SignerUnavailable, OSError, ValueError):
            self._again = monotonic_seconds() + TRIED_AGAIN_AFTER
            if newest is None:
                raise
            _log.exception("no new certificate for %s could be made: the one in force is still used", name)
            return newest
        self._means.made(ca.file_name, pair.certificate)
        return pair

    def _newest(self, now: datetime) -> KeyPair | None:
        return current_pair(self._folder, self._spec.files, self._means.keys, self._spec.issuer.certificate, now)

    def _issued(self, now: datetime) -> KeyPair:
        issuer, keys, name = self._spec.issuer, self._means.keys, self._spec.files.name
        new = keys.makes.create(name, self._spec.key_type)
        try:
            plan = self._spec.plan(cast("PublicKey", new.key.public_key()), now)
            to_be_signed = build_tbs(plan, issuer, self._spec.kind)
            der = attach_signature(to_be_signed, keys.sign(issuer.key_name, to_be_signed), issuer.certificate)
            return store_pair(self._folder, name, load_certificate(der), new, keys)
        except (SignerUnavailable, OSError, ValueError):
            with suppress(SignerUnavailable, OSError):  # a key that stays in its token is deleted after an hour
                keys.makes.discard(new)
            raise


AnswersUnsigned = IssuerExpired
"""Expired services CA; responses cannot be signed any more."""


class ResponseSigner:
    """Signer of responses, under the services CA that issues now."""

    def __init__(
        self,
        folder: DataDirectory,
        hierarchy: Hierarchy,
        services: Callable[[], IssuingCa],
        dependencies: IssuanceDependencies,
    ) -> None:
        """Store the arguments; the first response loads or creates a signer.

        `services` returns the services CA that issues now.
        """
        self._folder, self._hierarchy, self._services, self._means = folder, hierarchy, services, dependencies
        self._leaves: dict[str, ManagedCertificate] = {}
        self._held: tuple[x509.Certificate, DocumentSigner] | None = None

    def seal(self) -> DocumentSigner:
        """Return the signer for a response at this instant.

        Raises IssuerExpired, SignerUnavailable, OSError and ValueError if there is no valid signer.
        """
        pair, held = self._leaf().pair(), self._held
        if held is None or held[0] is not pair.certificate:
            held = self._held = (pair.certificate, signer_for_key(pair.key, certificate_der(pair.certificate)))
        return held[1]

    def _leaf(self) -> ManagedCertificate:
        """Return the signer's certificates under the services CA of now."""
        ca = self._services()
        leaf = self._leaves.get(ca.file_name)
        if leaf is None:
            spec = response_signer_leaf(self._hierarchy, ca)
            leaf = self._leaves.setdefault(ca.file_name, ManagedCertificate(self._folder, spec, self._means))
        return leaf


def response_signer_leaf(hierarchy: Hierarchy, issuer: IssuingCa) -> ManagedCertificateSpec:
    """Return the specification of the response signer, a leaf of the services CA."""
    ends_by = issuer.certificate.not_valid_after_utc
    return ManagedCertificateSpec(
        files=ServiceKeyFiles(hierarchy.response_signer.file_name, LeafProfile.SERVICES),
        key_type=hierarchy.response_signer.key_type,
        plan=lambda key, now: response_signer_plan(hierarchy, key, now, ends_by=ends_by),
        issuer=issuer,
    )


class OcspResponder:
    """OCSP responder of one CA, in one process; the last one ends with its CA."""

    def __init__(self, folder: DataDirectory, spec: ManagedCertificateSpec, dependencies: IssuanceDependencies) -> None:
        """Store the arguments; the first use loads or creates a responder."""
        self._leaf = ManagedCertificate(folder, spec, dependencies)
        self._held: Responder | None = None

    def __call__(self) -> Responder:
        """Return the current responder.

        Raises SignerUnavailable if there is none, for any reason.
        """
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
    dependencies: IssuanceDependencies,
) -> dict[str, Callable[[], Responder]]:
    """Return the OCSP responders of all CAs that issue leaves, by name of the CA."""
    return {
        spec.file_name: OcspResponder(folder, _leaf(hierarchy, spec, issuers[spec.file_name]), dependencies)
        for spec in hierarchy.answering
    }


def register_certificates(db: Database, certificates: Iterable[tuple[str, x509.Certificate]]) -> None:
    """Insert the service's own certificates, by the names of their CAs.

    OCSP then reports them as good. If the database is unavailable, the next start inserts them from the folder.
    """
    rows = [
        OwnCertificate(
            authority,
            serial_hex(certificate.serial_number),
            sha256_hex(certificate_der(certificate)),
            certificate.not_valid_after_utc,
        )
        for authority, certificate in certificates
    ]
    try:
        ocsp_responses.record_own(db, rows)
    except DATABASE_UNAVAILABLE:
        _log.warning("%d own certificates are not in the database yet", len(rows), exc_info=True)


def register_existing(
    db: Database, folder: DataDirectory, hierarchy: Hierarchy, issuers: Mapping[str, IssuingCa]
) -> None:
    """Insert all certificates in the folder; other processes may have created some."""
    pairs = [
        (spec.issuer.file_name, certificate)
        for spec in managed_leaves(hierarchy, issuers)
        for certificate in certificates_of(folder, spec.files, spec.issuer.certificate)
    ]
    register_certificates(db, pairs)


def managed_leaves(hierarchy: Hierarchy, issuers: Mapping[str, IssuingCa]) -> tuple[ManagedCertificateSpec, ...]:
    """Return the specifications of the response signers and of all OCSP responders."""
    services = [issuers[spec.file_name] for spec in hierarchy.answering if spec.role is CaRole.SERVICES]
    signers = (response_signer_leaf(hierarchy, ca) for ca in services)
    return (*signers, *(_leaf(hierarchy, spec, issuers[spec.file_name]) for spec in hierarchy.answering))


def ensure_valid(all_of_them: Mapping[str, Callable[[], Responder]]) -> None:
    """Create missing responders where possible, and log failures."""
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
