"""Generations of key, certificate and chain per name, one of them in use."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from sinetti.client import renewal_window
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import OutputOptions
from sinetti.client.store import (
    agent_state,
    files,
    key_storage,
    output_files,
    rights,
    settings,
    token_keys,
)
from sinetti.client.store.java_keystores import JavaStoreError
from sinetti.domain.values import Serial, ValidityPeriod, is_same_identifier
from sinetti.infra import records
from sinetti.pki import chain, encoding, policy_oids
from sinetti.pki.encoding import PrivateKey

CERTIFICATE = "certificate.pem"
CHAIN = "chain.pem"
NOTES = "notes.json"

_AS_EVER = OutputOptions()
_SEQUENCE = b"\x30"
"""First octet of a certificate in DER (X.690, 8.9)."""


CLOCK_SKEW = timedelta(minutes=5)
"""Tolerated lag of this machine's clock behind the service's.

A new certificate begins at the service's current time.
"""


@dataclass(frozen=True)
class InstalledKeySet:
    """Generation in use: a key, its certificate and the CA certificates above it."""

    serial: Serial
    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    @property
    def span(self) -> ValidityPeriod:
        """The certificate's validity period, UTC."""
        return span_of(self.certificate)


@dataclass(frozen=True)
class NameState:
    """Notes about a name.

    `revoked`: the serial that the service called revoked. `transfer`: the transfer IDs behind `serial`.
    """

    revoked: str | None = None
    transfer: str | None = None
    serial: str | None = None


def span_of(certificate: x509.Certificate) -> ValidityPeriod:
    """Return a certificate's validity period, UTC."""
    return ValidityPeriod(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def common_name(certificate: x509.Certificate) -> str | None:
    """Return the subject's only CN, the customer ID; None for none or several.

    Raises ValueError if it cannot be read.
    """
    return _only(certificate, NameOID.COMMON_NAME)


def organisation(certificate: x509.Certificate) -> str | None:
    """Return the subject's only O, the customer's name; None for none or several.

    Raises ValueError if it cannot be read.
    """
    return _only(certificate, NameOID.ORGANIZATION_NAME)


def reason_not_installable(
    certificate: x509.Certificate, customer_id: str, anchors: Sequence[x509.Certificate], now: datetime
) -> Message | None:
    """Return the objection to a certificate from the service, or None.

    None if it fits customer, chain and dates.
    """
    try:
        named, _ = common_name(certificate), key_storage.serial_of(certificate)
    except ValueError as bad:
        return make_message(messages.CERTIFICATE_UNREADABLE, why=error_reasons.translate_reason(bad))
    if named is None or not is_same_identifier(named, customer_id):
        return make_message(messages.NOT_OUR_CUSTOMER, customer_id=customer_id)
    ways = chain.trusted_ways(certificate, anchors)
    if not ways:
        return make_message(messages.NOT_OUR_ISSUER)
    if not policy_oids.is_holder_certificate(certificate):
        return make_message(messages.NOT_FOR_HOLDERS)
    validity_error = renewal_window.check_validity(certificate, ways, now, CLOCK_SKEW)
    return (
        None
        if validity_error is None
        else renewal_window.validity_message(validity_error, messages.THE_NEW_ONE, messages.THE_NEW_ONES_CA, now)
    )


def install(
    name_folder: Path,
    key: bytes,
    certificate: x509.Certificate,
    bundle: Sequence[x509.Certificate],
    wanted: OutputOptions = _AS_EVER,
) -> Serial:
    """Make a generation of a matching set and put it into use.

    A repetition changes nothing. `key` is in its stored form: PEM, unencrypted or encrypted with the password of
    `wanted`, or the URI of a key in a token. The generation gets its further formats and owner before it is in use.
    Raises StoreError, OSError.
    """
    serial, name = key_storage.serial_of(certificate), name_folder.name
    above = chain.build_chain(certificate, bundle)
    contents = {
        key_storage.key_file_for(key): key,
        CERTIFICATE: encoding.certificate_pem(encoding.certificate_der(certificate)),
        CHAIN: b"".join(encoding.certificate_pem(encoding.certificate_der(certificate)) for certificate in above),
    }
    folder = name_folder / files.GENERATIONS / serial
    if not files.exists(folder):
        contents |= output_files.make_new_set(name, key_storage.load_key(key, wanted), (certificate, *above), wanted)
    elif key_storage.is_encrypted(key):
        # Encrypting the same key yields other octets each time.
        kept = key_storage.load_key(files.read(key_storage.path_of(folder)), wanted)
        if kept is None or not key_storage.belongs(certificate, kept):
            raise files.corruption_error(folder, "the private key does not match the certificate")
        del contents[key_storage.KEY]
    files.write_folder(folder, contents, lambda beside: output_files.dress_folder(name, beside, wanted))
    output_files.grant_traversal(name_folder, wanted)
    files.swap_live(name_folder, serial)
    if output_files.JKS in output_files.missing_formats(folder, wanted):
        agent_state.hold_back(name_folder, serial)
    if key_storage.key_file_for(key) == key_storage.URI:
        token_keys.clear_intent(name_folder, key)
    return serial


def complete(name_folder: Path, wanted: OutputOptions) -> tuple[str, ...]:
    """Add the missing formats to the generation in use; return their names.

    Existing octets are not changed, and each file appears atomically. Owner, group and mode become those wanted.
    Raises JavaStoreError after the other files are made, StoreError, OSError.
    """
    folder = files.live_path(name_folder)
    if is_complete(name_folder, wanted):
        return ()
    held = current(name_folder)
    if held is None:
        return ()
    wanted = _as_kept(name_folder, wanted)
    name, place = name_folder.name, name_folder / files.GENERATIONS / held.serial
    above = chain.load_bundle(files.read(folder / CHAIN))
    added = output_files.missing_formats(folder, wanted)
    failed: JavaStoreError | None = None
    for text in added:
        try:
            made = output_files.make_formats(name, held.key, (held.certificate, *above), wanted, {text})
        except JavaStoreError as bad:  # the other formats do not wait for Java
            failed = bad
            continue
        for octets in made.values():
            files.write_atomic(
                place / text, octets, lambda beside: output_files.apply_permissions(name, beside, wanted)
            )
    _dress(name_folder, place, wanted)
    if files.serial_in_use(name_folder) is None:  # a copy, where links are forbidden
        files.swap_live(name_folder, held.serial)
    if failed is not None:
        raise failed
    return added


def _dress(name_folder: Path, generation: Path, wanted: OutputOptions) -> None:
    """Give a set the configured rights.

    Rights that are a fault stay, since a person has to learn of them.
    """
    kept = settings.load(name_folder)
    if rights.find_exposure(str(name_folder), kept.files) is not None:
        return
    mine = replace(kept.files, owner=wanted.owner, group=wanted.group, mode=wanted.mode)
    if mine != kept.files:  # first, so that no view takes the new rights for a fault
        settings.store(name_folder, replace(kept, files=mine))
    output_files.dress_folder(name_folder.name, generation, wanted)
    output_files.grant_traversal(name_folder, wanted)


def _as_kept(name_folder: Path, wanted: OutputOptions) -> OutputOptions:
    """Return the options for a set, with the encryption of its key.

    If the key is stored encrypted, no unencrypted copy of it is written.
    """
    path = key_storage.path_of(files.live_path(name_folder))
    if wanted.key_password_file is not None or not key_storage.is_encrypted(files.read(path)):
        return wanted
    return replace(wanted, key_password_file=settings.load(name_folder).files.key_password_file)


def is_complete(name_folder: Path, wanted: OutputOptions) -> bool:
    """Return whether the generation in use has the wanted output options.

    It takes some calls of stat and reads nothing. Raises OSError.
    """
    folder = files.live_path(name_folder)
    return not files.exists(folder) or (
        not output_files.missing_formats(folder, wanted) and output_files.is_dressed(folder, wanted)
    )


def current(name_folder: Path) -> InstalledKeySet | None:
    """Return the generation in use; None if there never was one.

    Raises StoreDamaged if the set does not match. It takes no lock, so that signing does not wait for a renewal. If
    another generation comes into use while files are read, they are read again.
    """
    while True:
        serial = files.serial_in_use(name_folder)
        try:
            return _live(name_folder)
        except files.StoreDamaged:
            if files.serial_in_use(name_folder) == serial:
                raise


def _live(name_folder: Path) -> InstalledKeySet | None:
    folder = files.live_path(name_folder)
    if not files.exists(folder):
        # Notes are written once the first set is in use; generations alone may come from a run that ended just before.
        if folder.is_symlink() or files.exists(name_folder / NOTES):
            raise files.corruption_error(folder, "it does not point to a certificate")
        return None
    if folder.is_symlink() and folder.resolve().parent != (name_folder / files.GENERATIONS).resolve():
        raise files.corruption_error(folder, "it does not point to a certificate of this name")
    certificate = certificate_in_use(name_folder)
    if not is_pem(files.read(folder / CERTIFICATE)):
        raise files.corruption_error(folder / CERTIFICATE, "it is not in PEM")
    try:
        above = chain.load_bundle(files.read(folder / CHAIN))
    except ValueError as bad:
        raise files.corruption_error(folder / CHAIN, bad) from bad
    key = key_storage.open_key(folder, name_folder, certificate)
    if not is_chain_of(certificate, above, _anchors(name_folder)):
        raise files.corruption_error(folder / CHAIN, "it is not the chain of the certificate")
    return InstalledKeySet(key_storage.serial_of(certificate), certificate, key)


def is_chain_of(
    certificate: x509.Certificate, above: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]
) -> bool:
    """Return whether `above` is the whole chain of a certificate.

    A chain is cut short if the name's CAs (`anchors`) continue it. Its last certificate is checked by these CAs, if
    they know it or its issuer.
    """
    if not above or chain.build_chain(certificate, above) != tuple(above):
        return False
    if len(chain.build_chain(certificate, (*above, *anchors))) != len(above):
        return False
    last = above[-1]
    try:
        related = [anchor for anchor in anchors if anchor.subject in {last.issuer, last.subject}]
    except ValueError:  # a name in it cannot be read
        return False
    return not related or last in related or bool(chain.issuers_of(last, related))


def _anchors(name_folder: Path) -> tuple[x509.Certificate, ...]:
    try:
        return chain.load_bundle(settings.load(name_folder).trust_holders.encode())
    except files.StoreError:
        return ()  # damage of the settings is reported elsewhere


def is_pem(octets: bytes) -> bool:
    """Return whether a certificate that can be read is in PEM.

    Programs expect that of a file .pem.
    """
    return b"-----BEGIN CERTIFICATE-----" in octets and not octets.startswith(_SEQUENCE)


def certificate_in_use(name_folder: Path) -> x509.Certificate:
    """Read the certificate in use alone. Raises StoreDamaged.

    No other file of the set is checked.
    """
    path = files.live_path(name_folder) / CERTIFICATE
    try:
        return encoding.load_certificate(files.read(path))
    except ValueError as bad:
        raise files.corruption_error(path, bad) from bad


def notes(name_folder: Path) -> NameState:
    """Read the notes about a name. Raises StoreDamaged."""
    path = name_folder / NOTES
    if not files.exists(path):
        return NameState()
    try:
        raw = records.json_of(files.read(path))
        return NameState(raw["revoked"], raw["transfer"], raw["serial"])
    except (ValueError, KeyError, TypeError) as bad:
        raise files.corruption_error(path, "its content is not valid") from bad


def remember(name_folder: Path, what: NameState) -> None:
    """Write the notes about a name atomically."""
    raw = {"revoked": what.revoked, "serial": what.serial, "transfer": what.transfer}
    files.write_atomic(name_folder / NOTES, records.dump(raw))


def _only(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str | None:
    try:
        attributes = certificate.subject.get_attributes_for_oid(oid)
    except (ValueError, TypeError) as bad:  # TypeError: a bit string as an attribute that allows none
        raise ValueError("the name in it cannot be read") from bad
    return str(attributes[0].value) if len(attributes) == 1 else None
