"""JSON form of a certificate, for operators and the test bench.

See contracts: "Test bench".
"""

from datetime import datetime

from sinetti.domain.certificates.lifecycle import display_state
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.notifications.early_replacement import CallReach
from sinetti.domain.usage import UsageReport, UsageState
from sinetti.infra.clock import instant_or_none

MEMBERS = (
    *("serial", "customer_id", "channel", "state", "not_before", "not_after", "sha256", "renewed_by"),
    *("revoked_at", "reason", "first_fetched_at"),
)
"""Members of the row of a certificate."""


def certificate_json(certificate: Certificate, now: datetime) -> dict[str, str | None]:
    """Return one row. An absent value is None and never omitted."""
    span = certificate.span
    state = display_state(certificate.state, revoked=certificate.revoked, not_after=span.not_after, now=now)
    return {
        "serial": certificate.serial,
        "customer_id": certificate.lineage.customer.customer_id,
        "channel": certificate.lineage.channel.value,
        "state": state.value,
        "not_before": instant_or_none(span.not_before),
        "not_after": instant_or_none(span.not_after),
        "sha256": certificate.sha256,
        "renewed_by": certificate.renewed_by,
        "revoked_at": instant_or_none(certificate.revoked_at),
        "reason": certificate.revocation_reason.value if certificate.revocation_reason else None,
        "first_fetched_at": instant_or_none(certificate.first_fetched_at),
    }


def usage_json(known: UsageReport) -> dict[str, str | None]:
    """Return a certificate's use for operators.

    It has the instant of the last use, or the start of the period without any use.
    """
    return {
        "use": known.use.value,
        "last_seen": instant_or_none(known.since) if known.use is UsageState.SEEN else None,
        "looked_since": instant_or_none(known.since) if known.use is UsageState.NOT_SEEN else None,
    }


def reached_row(reached: CallReach) -> dict[str, object]:
    """Return the reach of a call as JSON: certificates, messages and people."""
    return {
        "reached": {"program": reached.program, "email": reached.email, "sms": reached.sms},
        "unreached": reached.unreached,
        "telephone": reached.telephone,
        "messages": {"email": reached.emails, "sms": reached.texts},
        "people_unreached": reached.people_unreached,
    }
