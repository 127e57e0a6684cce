"""Adoption of a key and a certificate that were made elsewhere.

They are checked, stored as a generation and put into use.
"""

from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sinetti.client import renewal_window
from sinetti.client.messages import adoption_messages, messages
from sinetti.client.messages.messages import make_message, strip_control_chars
from sinetti.client.model import CertificateEntry, Config, ServiceEntry
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.results import CommandResult, ExitCode, Result, UsageError
from sinetti.client.store import (
    event_log,
    files,
    generations,
    key_storage,
    output_files,
    settings,
)
from sinetti.client.store.event_log import EventType
from sinetti.client.store.journal import PENDING
from sinetti.client.store.keystores import KeyMaterial
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import KeyType, is_same_identifier
from sinetti.infra.clock import format_instant
from sinetti.pki import chain, policy_oids
from sinetti.pki.encoding import PrivateKey

_CURVES = {"secp256r1": KeyType.EC_P256, "secp384r1": KeyType.EC_P384}
_SIZES = {2048: KeyType.RSA_2048, 3072: KeyType.RSA_3072, 4096: KeyType.RSA_4096}


def service_of(certificate: x509.Certificate, config: Config, entry: CertificateEntry) -> ServiceEntry:
    """Return the service of sinetti.toml whose CAs issued a certificate.

    Raises UsageError if there is none, if there are several and the file names none for this certificate, or if the
    file names another one. The agent follows the file.
    """
    known = tuple(config.services.values())
    service_entries = [service_entry for service_entry in known if _issuers(certificate, service_entry)]
    names = ", ".join(one.name for one in service_entries or known)
    if not service_entries:
        raise UsageError(adoption_messages.ADOPT_NO_SERVICE, issuer=_issuer(certificate), services=names)
    if entry.service is None and len(service_entries) > 1:
        raise UsageError(adoption_messages.ADOPT_SERVICES, services=names, name=entry.name, path=str(config.path))
    chosen = next(
        (service_entry for service_entry in service_entries if entry.service in {None, service_entry.name}), None
    )
    if chosen is None:
        values = {"name": entry.name, "service": entry.service or "", "path": str(config.path), "services": names}
        raise UsageError(adoption_messages.ADOPT_OTHER_TABLE, **values)
    return chosen


def check_issued_by_service(certificate: x509.Certificate, service: ServiceEntry) -> None:
    """Raise UsageError unless a CA of the named service issued the certificate."""
    if not _issuers(certificate, service):
        raise UsageError(adoption_messages.ADOPT_NOT_OF_SERVICE, issuer=_issuer(certificate), services=service.name)


def settings_for(material: KeyMaterial, service: ServiceEntry, entry: CertificateEntry) -> NameSettings:
    """Return the settings for a certificate that is adopted.

    The customer is that of the certificate. The key type is that of its key, unless the configuration names one.
    Raises UsageError for another customer or environment.
    """
    try:
        customer, name = generations.common_name(material.certificate), generations.organisation(material.certificate)
    except ValueError:
        customer, name = None, None
    if customer is None:
        raise UsageError(adoption_messages.ADOPT_NO_CUSTOMER)
    if entry.customer_id is not None and not is_same_identifier(entry.customer_id, customer):
        raise UsageError(
            adoption_messages.ADOPT_OTHER_CUSTOMER, found=strip_control_chars(customer), wanted=entry.customer_id
        )
    for issuer in _issuers(material.certificate, service):
        world = policy_oids.channel_from_policy(issuer)
        if world is not None and world[1] is not service.environment:
            worlds = {"found": world[1].value, "wanted": service.environment.value}
            raise UsageError(adoption_messages.ADOPT_OTHER_WORLD, service=service.name, **worlds)
    return NameSettings(
        service=service.address,
        environment=service.environment,
        customer_id=entry.customer_id or customer,
        customer_name=entry.customer_name or name,
        key=entry.key if entry.key_is_explicit else _type_of(material.key) or entry.key,
        trust_services=service.trust_services,
        trust_holders=service.trust_holders,
        tls_ca=service.tls_ca,
        files=entry.files,
    )


def adopt(ctx: ClientContext, name: str, material: KeyMaterial, wanted: NameSettings) -> CommandResult:
    """Put key, certificate and chain into the store and into use.

    A repetition changes nothing. Raises UsageError if the certificate or the name is unsuitable, StoreError, OSError.
    """
    if not files.is_name(name):
        raise UsageError(messages.BAD_NAME, name=name)
    folder = ctx.store / name
    if name in files.RESERVED and not files.is_kept(folder):
        raise UsageError(messages.RESERVED_NAME, name=name)
    serial = key_storage.serial_of(material.certificate)
    _refuse_unfit(name, material.certificate, wanted, ctx.now)
    _refuse_second(ctx, name, serial)
    output_files.check(name, wanted.files)
    files.make_folder(folder)
    with files.locked(folder):
        present = generations.current(folder)
        until = material.certificate.not_valid_after_utc
        if present is not None:
            # A renewal may have followed since then: the generation stays.
            if not files.directory_exists(folder / files.GENERATIONS / serial):
                raise UsageError(adoption_messages.ADOPT_NAME_USED, name=name, serial=present.serial)
            message = make_message(adoption_messages.ADOPTED_BEFORE, name=name, serial=serial, until=until)
            return CommandResult(name, Result.NOT_DUE, ExitCode.DONE, (message,))
        if files.directory_exists(folder / PENDING) and any((folder / PENDING).iterdir()):
            raise UsageError(adoption_messages.ADOPT_NAME_ASKS, name=name)
        # Settings come first: a later run can resume a name that has settings and no set yet.
        settings.store(folder, wanted)
        ctx.step("settled")
        bundle = (*chain.load_bundle(wanted.trust_holders.encode()), *material.others)
        key = key_storage.serialise_key(material.key, wanted.files)
        generations.install(folder, key, material.certificate, bundle, wanted.files)
        ctx.step("in-place")
        generations.remember(folder, replace(generations.notes(folder), serial=serial))
        event_log.append(folder, ctx.now, EventType.ADOPTED, serial=serial, until=format_instant(until))
    live = str(folder / files.LIVE)
    message = make_message(adoption_messages.ADOPTED, name=name, serial=serial, until=until, folder=live)
    opens = renewal_window.opening_message(generations.span_of(material.certificate))
    return CommandResult(name, Result.ENROLLED, ExitCode.DONE, (message, opens))


def _refuse_unfit(name: str, certificate: x509.Certificate, wanted: NameSettings, now: datetime) -> None:
    if not policy_oids.is_holder_certificate(certificate):
        raise UsageError(adoption_messages.ADOPT_NOT_HOLDERS)
    if now > certificate.not_valid_after_utc:
        raise UsageError(adoption_messages.ADOPT_EXPIRED, name=name, until=certificate.not_valid_after_utc)
    ways = chain.trusted_ways(certificate, chain.load_bundle(wanted.trust_holders.encode()))
    validity_error = renewal_window.check_validity(certificate, ways, now, generations.CLOCK_SKEW)
    if validity_error is not None:
        raise UsageError(
            renewal_window.validity_message(validity_error, messages.THE_CERTIFICATE, messages.THE_CERTIFICATES_CA, now)
        )


def _refuse_second(ctx: ClientContext, name: str, serial: str) -> None:
    """Raise UsageError if another name of the store holds the certificate.

    Generations are folders named after their serial.
    """
    others = files.list_names(ctx.store) if files.directory_exists(ctx.store) else ()
    for other in others:
        folder = ctx.store / other
        if other != name and files.directory_exists(folder / files.GENERATIONS / serial):
            raise UsageError(adoption_messages.ADOPT_HELD, other=other)


def _issuers(certificate: x509.Certificate, service: ServiceEntry) -> tuple[x509.Certificate, ...]:
    ways = chain.trusted_ways(certificate, chain.load_bundle(service.trust_holders.encode()))
    return tuple(dict.fromkeys(way[0] for way in ways))


def _issuer(certificate: x509.Certificate) -> str:
    try:
        return strip_control_chars(certificate.issuer.rfc4514_string())
    except (ValueError, TypeError):  # a name that cannot be read
        return "?"


def _type_of(key: PrivateKey) -> KeyType | None:
    if isinstance(key, rsa.RSAPrivateKey):
        return _SIZES.get(key.key_size)
    return _CURVES.get(key.curve.name)
