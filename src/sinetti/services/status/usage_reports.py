"""Gateways and their usage reports: the certificates that are in use."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from sinetti.database.certificates import usage
from sinetti.database.certificates.usage import GatewayInfo
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.usage import (
    GatewayRefused,
    Observation,
    TrustListNumbers,
    UsageReport,
    check_gateway_name,
    clamp_to_now,
    usage_of,
)
from sinetti.domain.values import Serial, Sha256
from sinetti.services.context import ServiceContext


@dataclass(frozen=True)
class ReportReceipt:
    """Counts of observations in a report: of known and of unknown certificates."""

    taken: int
    unknown: int


def add_gateway(name: str, public_key: str, ctx: ServiceContext, actor: str, request_id: str) -> None:
    """Add a gateway with its public key (PEM, already checked).

    Neither name nor key may belong, or have belonged, to another gateway. Withdrawal of a gateway ends its key, and a
    message must belong to one gateway. Raises GatewayRefused.
    """
    check_gateway_name(name)
    numbers = _numbers(public_key)

    def in_the_way(other: GatewayInfo) -> bool:
        return other.name == name or _numbers(other.public_key) == numbers

    other = usage.add(ctx.db, name, public_key, in_the_way, ctx.audit_entry(actor, request_id))
    if other is None:
        return
    sentence = (
        f"this key belongs or belonged to the gateway {other.name}: create a new one (sinetti gateway key --out FILE)"
    )
    if other.name == name:
        sentence = f"the name {name} is or was in use: choose another one"
    raise GatewayRefused(sentence)


def _numbers(public_key: str) -> bytes:
    """Return the DER of the SubjectPublicKeyInfo of a key (PEM).

    It does not depend on the layout of the text.
    """
    key = load_pem_public_key(public_key.encode("ascii"))
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def withdraw_gateway(name: str, ctx: ServiceContext, actor: str, request_id: str) -> None:
    """Withdraw a gateway; its former observations stay. Raises GatewayRefused."""
    if not usage.withdraw(ctx.db, name, ctx.audit_entry(actor, request_id)):
        raise GatewayRefused(f"no gateway in use is named {name}: run sinetti authority gateway list to list them")


def all_gateways(ctx: ServiceContext) -> tuple[GatewayInfo, ...]:
    """Return all present and former gateways, by name."""
    return usage.list_all(ctx.db)


def gateway_key(name: str, ctx: ServiceContext) -> str | None:
    """Return the public key (PEM) of a gateway that may report, or None.

    A key that the log does not have may not.
    """
    gateway = usage.find(ctx.db, name)
    if (
        gateway is None
        or gateway.withdrawn is not None
        or not ctx.facts.is_proven(ctx.db, f"gateway:{name}", ctx.now())
    ):
        return None
    return gateway.public_key


def record_report(
    name: str, sightings: Sequence[Observation], ctx: ServiceContext, numbers: TrustListNumbers | None = None
) -> ReportReceipt:
    """Store a report of a gateway whose signature was verified.

    An empty report says that the gateway works and saw no certificate. `numbers` are those of its trust lists.
    """
    now = ctx.now()
    instants: dict[Sha256, datetime] = {}
    for sighting in sightings:
        at = clamp_to_now(sighting.seen, now)
        instants[sighting.sha256] = max(instants.get(sighting.sha256, at), at)
    taken = usage.store_report(ctx.db, name, instants, now, numbers)
    return ReportReceipt(taken, len(instants) - taken)


def list_usage(certificates: Collection[Certificate], ctx: ServiceContext) -> dict[Serial, UsageReport]:
    """Return the known use of each of these certificates."""
    reports, now = usage.reports(ctx.db), ctx.now()
    instants = usage.last_seen(ctx.db, [certificate.serial for certificate in certificates])
    return {
        certificate.serial: usage_of(certificate.span.not_before, instants.get(certificate.serial), reports, now)
        for certificate in certificates
    }
