"""Seals answers with the certificate of the services CA's leaf, and replaces that in time."""

import logging
from datetime import datetime, timedelta
from threading import Lock

from cryptography import x509

from sinetti.actions.office import Office
from sinetti.ca.building import response_signer_plan
from sinetti.ca.hierarchy import Hierarchy
from sinetti.ca.issuing import LeafKind, assemble, prepare
from sinetti.clock import ticks
from sinetti.pki.chain import valid_at
from sinetti.pki.formats import certificate_der, generate_key, load_certificate
from sinetti.pki.signers import SignerUnavailable
from sinetti.registry.opening import REGISTER_UNAVAILABLE
from sinetti.settings.folder import Folder, FolderDamaged, locked
from sinetti.settings.signer_files import SigningPair, newest_pair, store_pair
from sinetti.wire.xmldsig import Seal, seal_of

SIGNER_RENEWED_BEFORE = timedelta(days=90)
"""A response signer is replaced this long before its end, or for the last third of its life if that is less."""

TRIED_AGAIN_AFTER = 30.0
"""Seconds after which a replacement that could not be made is tried again."""

_log = logging.getLogger(__name__)


class AnswersUnsigned(FolderDamaged):
    """The services CA has ended, and with it every signer of answers; the sentence says when, and what to do."""


class ResponseSigner:
    """Seals answers, and replaces its own certificate in time; the last one ends with the services CA."""

    def __init__(self, folder: Folder, hierarchy: Hierarchy, office: Office, passphrase: bytes | None) -> None:
        """Remember where keys are; the first seal loads or makes one."""
        self._folder, self._hierarchy, self._office, self._passphrase = folder, hierarchy, office, passphrase
        self._issuer = office.issuers[hierarchy.services.file_name]
        self._lock = Lock()
        self._held: tuple[x509.Certificate, Seal] | None = None
        self._again = 0.0

    def seal(self) -> Seal:
        """The seal for an answer that is given now.

        Where a replacement is due, one caller makes it; meanwhile, and while it cannot be made, what is in force
        serves on. While the clock is not believed none is made (docs/clock.md), and what served before serves on,
        whatever that clock says of its dates. Raises AnswersUnsigned, SignerUnavailable, OSError and ValueError where
        nothing is in force.
        """
        now = self._office.now()
        held = self._held
        if held is None or not valid_at(held[0], now):
            with self._lock:
                return self._made(now)
        if self._lasts(held[0], now) or ticks() < self._again or not self._lock.acquire(blocking=False):
            return held[1]
        try:
            return self._made(now)
        finally:
            self._lock.release()

    def _lasts(self, certificate: x509.Certificate, now: datetime) -> bool:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        due = end - min(SIGNER_RENEWED_BEFORE, (end - begin) / 3)
        return valid_at(certificate, now) and (now < due or end >= self._issuer.certificate.not_valid_after_utc)

    def _made(self, now: datetime) -> Seal:
        held = self._held
        if held is not None and not self._lasts(held[0], now) and not self._clock_believed():
            return held[1]
        if held is None or not self._lasts(held[0], now):
            pair = self._pair_for(now)
            held = self._held = (pair.certificate, seal_of(pair.key, certificate_der(pair.certificate)))
        return held[1]

    def _clock_believed(self) -> bool:
        try:
            return self._office.may_issue()
        except REGISTER_UNAVAILABLE:
            # Nobody can tell then, and an answer that says so wants to be sealed.
            return False

    def _pair_for(self, now: datetime) -> SigningPair:
        name, ca = self._hierarchy.response_signer.file_name, self._issuer
        believed = self._clock_believed()
        if believed and now > (end := ca.certificate.not_valid_after_utc):
            sentence = (
                f"{ca.name} ended at {end:%Y-%m-%dT%H:%M:%SZ}, so answers cannot be signed: found a new authority"
            )
            raise AnswersUnsigned(sentence)
        if ticks() < self._again:
            sentence = f"no certificate for {name} could be made; it is tried again every {TRIED_AGAIN_AFTER:.0f} s"
            raise SignerUnavailable(sentence)
        if self._passphrase is None:
            sentence = "the keys' pass-phrase does not lie beside them: give --passphrase-file (docs/keys.md)"
            raise SignerUnavailable(sentence)
        newest = newest_pair(self._folder, name, self._passphrase, ca.certificate, now)
        if newest is not None and self._lasts(newest.certificate, now):
            return newest
        if not believed:
            if newest is not None:
                return newest
            sentence = f"no certificate for {name} is in force, and none is made by a clock that is not believed"
            raise SignerUnavailable(sentence)
        try:
            with locked(self._folder.certificates, wait=True):
                # Another process of this node may have made one while this one waited.
                made = newest_pair(self._folder, name, self._passphrase, ca.certificate, now)
                if made is not None and self._lasts(made.certificate, now):
                    return made
                pair = self._issued(now)
                store_pair(self._folder, name, pair, self._passphrase)
        except (SignerUnavailable, OSError, ValueError):
            self._again = ticks() + TRIED_AGAIN_AFTER
            if newest is None:
                raise
            _log.exception("no new certificate for %s could be made: the one in force serves on", name)
            return newest
        return pair

    def _issued(self, now: datetime) -> SigningPair:
        issuer, key = self._issuer, generate_key(self._hierarchy.response_signer.key_type)
        ends_by = issuer.certificate.not_valid_after_utc
        plan = response_signer_plan(self._hierarchy, key.public_key(), now, ends_by=ends_by)
        to_be_signed = prepare(plan, issuer, LeafKind.SERVICES)
        der = assemble(to_be_signed, self._office.signer.sign(issuer.key_name, to_be_signed), issuer.certificate)
        return SigningPair(load_certificate(der), key)
