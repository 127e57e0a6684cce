"""Complete text of a decision on an application (docs/e-service/clerks.md).

It is stored, shown and sent in this form.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sinetti.domain.organisations.applications import ApplicationDecision, ApplicationState
from sinetti.domain.values import Channel, Language
from sinetti.i18n.staff_labels import CHANNELS
from sinetti.i18n.translate import finnish_day, format_date, gettext_noop, translate

_OUTCOMES: Mapping[ApplicationState, str] = {
    ApplicationState.APPROVED: gettext_noop(
        "The application is approved. Certificates can be ordered for these channels: {channels}."
    ),
    ApplicationState.REFUSED: gettext_noop("The application is refused."),
}


@dataclass(frozen=True)
class DecisionContext:
    """Application for a decision: content, applicant, date, and the case's language."""

    number: str
    organisation: str
    customer_id: str
    channels: Collection[Channel]
    applied: datetime
    language: Language


def decision(case: DecisionContext, verdict: ApplicationDecision, service: str, now: datetime) -> str:
    """Return the decision in the language of the case.

    Paragraphs are separated by an empty line.
    """
    language = case.language

    def say(message_id: str, **values: object) -> str:
        return translate(message_id, language, **values)

    channels = ", ".join(say(CHANNELS[channel]) for channel in sorted(case.channels))
    parts = [
        say("Decision on an application for the technical interface"),
        say("Case number: {case}", case=case.number),
        say("Decision date: {day}", day=format_date(finnish_day(now), language)),
        say("Applicant: {name} ({customer_id})", name=case.organisation, customer_id=case.customer_id),
        say(
            "Applied for on {day}: {channels}", day=format_date(finnish_day(case.applied), language), channels=channels
        ),
        say(_OUTCOMES[verdict.state], channels=channels),
    ]
    if verdict.reason:
        parts.append(say("Reasons: {reason}", reason=verdict.reason))
    if verdict.state is ApplicationState.REFUSED:
        parts.append(say("How to appeal: {appeal}", appeal=verdict.appeal))
    parts.append(say("Decided by: {service}", service=service))
    return "\n\n".join(parts)
