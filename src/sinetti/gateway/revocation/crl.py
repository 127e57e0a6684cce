"""Certificate revocation lists as a revocation source.

A list counts if it is complete, fresh and signed by the issuing CA itself.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from sinetti.gateway.revocation.source import (
    GOOD,
    MISSING,
    NOT_FOR_THIS,
    OLD,
    REVOKED,
    RevocationStatus,
    having_listed,
    is_fresh,
)
from sinetti.gateway.x509.path_validation import SIGNATURES, CaCertificate
from sinetti.infra import clock
from sinetti.pki.chain import extension_value

LARGEST_LIST = 100_000_000
"""Largest size of a list in octets, about three million entries."""

_WIDTH = 20
"""Octets of the longest serial number (RFC 5280, 4.1.2.2)."""

_CRITICAL = b"\x01\x01\xff"
"""DER encoding of `critical TRUE`."""

_PARTS = frozenset({ExtensionOID.DELTA_CRL_INDICATOR, ExtensionOID.FRESHEST_CRL})
"""Extensions of a partial list, or of a list with newer deltas (5.2.4 and 5.2.6)."""

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""Exceptions of parsing a list; the last three are no subclasses of ValueError."""

_BEGINS_PEM = b"-----BEGIN"
_LOOK_AGAIN = 1.0
"""Seconds between checks of the folder."""


class InvalidCrl(ValueError):
    """Octets that are no CRL; the text is for a person and quotes none of them."""


@dataclass(frozen=True)
class SerialSet:
    """Sorted serial numbers of a list, in 20 octets each.

    A million take 20 MB, and a look-up takes 20 steps.
    """

    octets: bytes = field(repr=False)

    def __contains__(self, serial: int) -> bool:
        """Return whether the serial number is on the list."""
        wanted = serial.to_bytes(_WIDTH, "big")
        at = bisect_left(range(len(self)), wanted, key=self._at)
        return at < len(self) and self._at(at) == wanted

    def __len__(self) -> int:
        return len(self.octets) // _WIDTH

    def _at(self, number: int) -> bytes:
        return self.octets[number * _WIDTH : (number + 1) * _WIDTH]


@dataclass(frozen=True)
class IssuingDistributionPoint:
    """Scope of a list: the certificates of its CA that it covers (5.2.5).

    It covers all of them, unless a field is set.
    """

    points: frozenset[x509.GeneralName] = frozenset()
    holders_only: bool = False
    authorities_only: bool = False

    def covers(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        """Return whether the list covers this certificate.

        The kind must fit, and one address must be in both the list and the certificate (6.3.3 b).
        """
        if self.holders_only or self.authorities_only:
            kind = is_authority(certificate)
            if (self.holders_only and kind) or (self.authorities_only and not kind):
                return False
        return not self.points or bool(self.points & points_of(certificate, issuer))


@dataclass(frozen=True)
class LoadedCrl:
    """Parsed list; its signature is not verified yet.

    `understood` False: the gateway does not support this kind (docs/relying/gateway.md). `revokes`: its entries count
    as revoked, even if other certificates may be revoked too. Every supported list has `revokes` set. `number` is the
    CRL number, or None without one.
    """

    crl: x509.CertificateRevocationList = field(repr=False)
    issuer: x509.Name
    this_update: datetime
    next_update: datetime
    scope: IssuingDistributionPoint
    understood: bool
    revokes: bool
    number: int | None = None


@dataclass(frozen=True)
class VerifiedCrl:
    """List with a verified signature, and the serial numbers on it.

    `is_outdated`: there is or was a list of the same scope with a higher number. Then it makes no certificate GOOD.
    """

    read: LoadedCrl
    serials: SerialSet
    is_outdated: bool = False


HighestLists = Mapping[IssuingDistributionPoint, VerifiedCrl]
"""List with the highest number of each scope."""


@dataclass(frozen=True)
class IssuerLists:
    """Verified lists of a CA; `named`: some list has its name.

    `highest` also has lists that are no longer in the folder.
    """

    issuer: CaCertificate
    signed: tuple[VerifiedCrl, ...]
    named: bool
    highest: HighestLists


def read_list(octets: bytes) -> LoadedCrl:
    """Read a list, DER or PEM. Raises InvalidCrl."""
    load = x509.load_pem_x509_crl if octets.lstrip().startswith(_BEGINS_PEM) else x509.load_der_x509_crl
    why = "this is not a certificate revocation list in DER or PEM"
    if len(octets) > LARGEST_LIST:
        raise InvalidCrl(why)
    try:
        crl = load(octets)
        ends = crl.next_update_utc
        scope = _scope(crl)
        # A list without nextUpdate is not supported (5.1.2.5).
        understood = ends is not None and scope is not None
        signed = crl.signature_algorithm_oid in SIGNATURES
        return LoadedCrl(
            crl,
            crl.issuer,
            crl.last_update_utc,
            ends or crl.last_update_utc,
            scope or IssuingDistributionPoint(),
            understood=understood and signed,
            revokes=signed and (understood or _revokes(crl)),
            number=next(
                (
                    extension.value.crl_number
                    for extension in crl.extensions
                    if isinstance(extension.value, x509.CRLNumber)
                ),
                None,
            ),
        )
    except _UNREADABLE:
        raise InvalidCrl(why) from None


class CrlSource:
    """Revocation source with lists in memory, or in a folder.

    Changed files of the folder are read again. Thread-safe.
    """

    def __init__(
        self, ders: Iterable[bytes] = (), folder: Path | None = None, freshness_during_outage: timedelta | None = None
    ) -> None:
        """Parse `ders` now; files of `folder` are read on the first query.

        `freshness_during_outage`: largest age of a list while no newer one can be had; None: as always. Raises
        InvalidCrl if one of `ders` is no list. Files of the folder that are no list are skipped.
        """
        self._given = tuple(read_list(der) for der in ders)
        self._folder, self._outage = folder, freshness_during_outage
        self._lock = Lock()
        self._files: dict[Path, tuple[tuple[int, int, int], LoadedCrl | None]] = {}
        self._looked: float | None = None
        self._looking = Lock()
        self._made: dict[bytes, IssuerLists] = {}
        self._named: dict[x509.Certificate, bool] = {}
        self._lists: tuple[LoadedCrl, ...] = self._given
        self.refresh()

    def status(
        self, certificate: x509.Certificate, issuer: CaCertificate, now: datetime, freshness: timedelta
    ) -> RevocationStatus:
        """Return the status of a certificate by the lists of its CA.

        - REVOKED if a valid list has it, or if one is valid and any other list has it.
        - GOOD if a list is valid and not outdated, and no list has it.
        - Otherwise UNKNOWN, with the reason.
        """
        self._look_again()
        made = self._made_by(issuer)
        if not made.signed:
            return NOT_FOR_THIS if made.named else MISSING
        bound = None if is_authority(certificate) else max(freshness, self._outage or freshness)
        serial, answer, listed, is_valid = certificate.serial_number, NOT_FOR_THIS, False, False
        for verified_crl in made.signed:
            has_it = serial in verified_crl.serials
            listed = listed or has_it
            if not verified_crl.read.understood or not verified_crl.read.scope.covers(certificate, issuer.certificate):
                continue
            if not is_fresh(verified_crl.read.this_update, verified_crl.read.next_update, now, bound):
                answer = OLD if answer is NOT_FOR_THIS else answer
            elif has_it:
                return REVOKED
            elif verified_crl.is_outdated:
                answer, is_valid = OLD if answer is NOT_FOR_THIS else answer, True
            else:
                answer = GOOD
        return having_listed(GOOD if is_valid else answer) if listed else answer

    def above(self, certificate: x509.Certificate, issuer: CaCertificate | None, now: datetime) -> RevocationStatus:
        """Return the status of a CA of the anchor file.

        Lists about CAs are valid until their nextUpdate. If the issuer is unknown, no list of it can be verified, and
        none of them counts. An unverified list with the certificate on it leaves the status unknown.
        """
        if issuer is not None:
            return self.status(certificate, issuer, now, timedelta())
        self._look_again()
        return NOT_FOR_THIS if self._is_named(certificate) else MISSING

    def _is_named(self, certificate: x509.Certificate) -> bool:
        """Return whether a list with its issuer's name has the certificate.

        The signature of the list is not verified.
        """
        known = self._named.get(certificate)
        if known is None:
            with self._lock:
                lists = self._lists
            known = any(_names(loaded_crl, certificate) for loaded_crl in lists)
            with self._lock:
                if lists is self._lists:
                    self._named[certificate] = known
        return known

    def signed_by(self, issuer: CaCertificate) -> tuple[VerifiedCrl, ...]:
        """Return the supported lists that this CA signed, without outdated ones."""
        signed = self._made_by(issuer).signed
        return tuple(
            verified_crl for verified_crl in signed if verified_crl.read.understood and not verified_crl.is_outdated
        )

    def _made_by(self, issuer: CaCertificate) -> "IssuerLists":
        """Return the lists of a CA; each signature is verified once."""
        known = self._made.get(issuer.digest)
        if known is not None:
            return known
        with self._lock:
            lists = self._lists
        issuer_lists = _made(lists, issuer)
        with self._lock:
            if lists is self._lists:
                self._made[issuer.digest] = issuer_lists
        return issuer_lists

    def refresh(self) -> None:
        """Read the changed files of the folder now.

        Queries from other threads use the previous lists meanwhile.
        """
        if self._folder is not None:
            with self._looking:
                self._read(self._folder)

    def _look_again(self) -> None:
        due = self._looked is not None and clock.monotonic_seconds() - self._looked >= _LOOK_AGAIN
        # Skipped while another thread reads the folder: a list of a million entries takes seconds to read.
        if self._folder is not None and due and self._looking.acquire(blocking=False):
            try:
                self._read(self._folder)
            finally:
                self._looking.release()

    def _read(self, folder: Path) -> None:
        """Read the changed files; the caller holds `_looking`."""
        files = {}
        for path, mark in _marks(folder):
            known = self._files.get(path)
            files[path] = known if known is not None and known[0] == mark else (mark, _try_list(path))
        if files != self._files or self._looked is None:
            lists = self._given + tuple(read for _, read in files.values() if read is not None)
            # Signatures for CAs of earlier queries are verified before the lists are replaced, so that no query waits.
            with self._lock:
                asked = list(self._made.values())
            made = {
                issuer_lists.issuer.digest: _made(lists, issuer_lists.issuer, issuer_lists) for issuer_lists in asked
            }
            with self._lock:
                self._files, self._lists, self._made, self._named = files, lists, made, {}
        self._looked = clock.monotonic_seconds()


def _made(lists: Iterable[LoadedCrl], issuer: CaCertificate, former: IssuerLists | None = None) -> IssuerLists:
    """Select the lists of this CA.

    Lists in `former` are not verified again, which takes 2 s. Of two lists of one scope the higher number wins: an
    older list that replaces it, put back by hand or by an attacker, does not count, and the newer one stays in use.
    """
    known = {id(verified_crl.read): verified_crl for verified_crl in former.signed} if former is not None else {}
    named = [loaded_crl for loaded_crl in lists if loaded_crl.issuer == issuer.certificate.subject]
    judged = (known.get(id(loaded_crl)) or _signed(loaded_crl, issuer) for loaded_crl in named)
    signed = [replace(verified_crl, is_outdated=False) for verified_crl in judged if verified_crl is not None]
    numbered = [
        verified_crl for verified_crl in signed if verified_crl.read.understood and verified_crl.read.number is not None
    ]
    highest = dict(former.highest) if former is not None else {}
    for crl in numbered:
        if _is_higher(crl, highest.get(crl.read.scope)):
            highest[crl.read.scope] = crl
    kept = {id(verified_crl.read): verified_crl for verified_crl in (highest[each.read.scope] for each in numbered)}
    outdated = {
        id(verified_crl.read) for verified_crl in numbered if _is_higher(highest[verified_crl.read.scope], verified_crl)
    }
    mine = [
        replace(verified_crl, is_outdated=id(verified_crl.read) in outdated)
        for verified_crl in signed
        if id(verified_crl.read) not in kept
    ]
    return IssuerLists(issuer, (*kept.values(), *mine), named=bool(named), highest=highest)


def _is_higher(verified_crl: VerifiedCrl, other: VerifiedCrl | None) -> bool:
    return other is None or (verified_crl.read.number or 0) > (other.read.number or 0)


def is_authority(certificate: x509.Certificate) -> bool:
    """Return whether basicConstraints marks the certificate as a CA's."""
    basic = extension_value(certificate, x509.BasicConstraints)
    return basic is not None and basic.ca


@lru_cache(maxsize=4096)
def points_of(certificate: x509.Certificate, issuer: x509.Certificate) -> frozenset[x509.GeneralName]:
    """Return the addresses of complete lists of a certificate's own issuer.

    They come from cRLDistributionPoints and are only compared, never requested. A cRLIssuer that names the issuer
    itself is ignored, because real certificates have it (facts sheet, 4). Any other cRLIssuer would mean an indirect
    list.
    """
    points = extension_value(certificate, x509.CRLDistributionPoints)
    own = [x509.DirectoryName(issuer.subject)]
    return frozenset(
        name
        for point in points or ()
        if point.reasons is None and (point.crl_issuer is None or list(point.crl_issuer) == own)
        for name in point.full_name or ()
    )


def _scope(crl: x509.CertificateRevocationList) -> IssuingDistributionPoint | None:
    """Return the scope of a list; None if lists of its kind are not supported.

    Indirect lists, deltas, lists for some reasons only, and lists with an unknown critical extension are not
    supported.
    """
    scope = IssuingDistributionPoint()
    for extension in crl.extensions:
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            point = extension.value
            if point.indirect_crl or point.only_contains_attribute_certs or point.only_some_reasons:
                return None
            if point.relative_name is not None:
                return None
            scope = IssuingDistributionPoint(
                frozenset(point.full_name or ()), point.only_contains_user_certs, point.only_contains_ca_certs
            )
        elif extension.critical or extension.oid in _PARTS:
            return None
    return scope


def _revokes(crl: x509.CertificateRevocationList) -> bool:
    """Return whether entries of an unsupported list still count as revoked.

    They do for a delta, a list with deltas, a list for some reasons, and a list without nextUpdate. They do not for an
    indirect list or a list of attribute certificates, because their serial numbers belong to other issuers or
    certificates. A list with a critical extension that is not supported does not count either (5.2).
    """
    for extension in crl.extensions:
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            if extension.value.indirect_crl or extension.value.only_contains_attribute_certs:
                return False
        elif extension.critical and extension.oid not in _PARTS:
            return False
    return True


def _signed(loaded_crl: LoadedCrl, issuer: CaCertificate) -> VerifiedCrl | None:
    """Return the list if this CA signed it and its entries count as revoked."""
    key = issuer.key
    if not loaded_crl.revokes or not issuer.signs_lists or loaded_crl.issuer != issuer.certificate.subject:
        return None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or not _fits(loaded_crl.crl, issuer):
        return None
    try:
        if not loaded_crl.crl.is_signature_valid(key) or _has_unknown_entry(loaded_crl.crl):
            return None
        return VerifiedCrl(loaded_crl, _serials(loaded_crl.crl))
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
        return None


def _fits(crl: x509.CertificateRevocationList, issuer: CaCertificate) -> bool:
    try:
        wanted = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return True
    own = extension_value(issuer.certificate, x509.SubjectKeyIdentifier)
    return wanted is None or own is None or wanted == own.digest


def _has_unknown_entry(crl: x509.CertificateRevocationList) -> bool:
    """Return whether an entry has a critical extension.

    If so, no status may be taken from the whole list (5.3). Entries are inspected only if the octets contain
    `critical` more often than the list's own extensions do.
    """
    own = sum(extension.critical for extension in crl.extensions)
    if crl.public_bytes(Encoding.DER).count(_CRITICAL) <= own:
        return False
    return any(extension.critical for entry in crl for extension in entry.extensions)


def _serials(crl: x509.CertificateRevocationList) -> SerialSet:
    # Entries of a delta may undo others (removeFromCRL, 5.3.1). Reasons in a complete list, often long, are not read.
    is_delta = any(extension.oid == ExtensionOID.DELTA_CRL_INDICATOR for extension in crl.extensions)
    entries = (entry for entry in crl if not (is_delta and _is_taken_back(entry)))
    return SerialSet(b"".join(sorted(entry.serial_number.to_bytes(_WIDTH, "big") for entry in entries)))


def _is_taken_back(entry: x509.RevokedCertificate) -> bool:
    return any(
        isinstance(extension.value, x509.CRLReason) and extension.value.reason is x509.ReasonFlags.remove_from_crl
        for extension in entry.extensions
    )


def _names(loaded_crl: LoadedCrl, certificate: x509.Certificate) -> bool:
    """Return whether a list names its issuer and has the certificate on it."""
    try:
        if loaded_crl.issuer != certificate.issuer:
            return False
        return loaded_crl.crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
    except _UNREADABLE:
        return False


def _marks(folder: Path) -> Iterator[tuple[Path, tuple[int, int, int]]]:
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        yield path, (status.st_mtime_ns, status.st_size, status.st_ino)


def _try_list(path: Path) -> LoadedCrl | None:
    try:
        return read_list(path.read_bytes())
    except (OSError, InvalidCrl):
        return None
