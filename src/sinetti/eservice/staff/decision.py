"""The text of a decision, whole: kept, shown and sent as it is written here (docs/clerks.md)."""

from datetime import datetime

from sinetti.actions.staff.applications import Application
from sinetti.domain.applications import ApplicationState, Verdict
from sinetti.domain.values import Language
from sinetti.texts.clerks import CHANNELS
from sinetti.texts.reader import day, finnish_day, mark, text

_OUTCOMES = {
    ApplicationState.APPROVED: mark("The application is approved. Certificates can be ordered for: {channels}."),
    ApplicationState.REFUSED: mark("The application is refused."),
}


def written(application: Application, verdict: Verdict, service: str, now: datetime) -> str:
    """The decision in the party's language: paragraphs with an empty line between two."""
    language: Language = application.language

    def say(message_id: str, **values: object) -> str:
        return text(message_id, language, **values)

    channels = ", ".join(say(CHANNELS[one]) for one in sorted(application.channels))
    parts = [
        say("Decision on an application for the technical interface"),
        say("Case number: {case}", case=application.case_number),
        say("Date of the decision: {day}", day=day(finnish_day(now), language)),
        say("Applicant: {name} ({customer_id})", name=application.organisation, customer_id=application.customer_id),
        say("Applied for on {day}: {channels}", day=day(finnish_day(application.created), language), channels=channels),
        say(_OUTCOMES[verdict.state], channels=channels),
    ]
    if verdict.reason:
        parts.append(say("Reasons: {reason}", reason=verdict.reason))
    if verdict.state is ApplicationState.REFUSED:
        parts.append(say("How to appeal: {appeal}", appeal=verdict.appeal))
    parts.append(say("Decided by: {service}", service=service))
    return "\n\n".join(parts)


def lines(decision: str) -> list[str]:
    """A decision as paragraphs of a page, which have no lines of their own."""
    return [line for line in decision.splitlines() if line]
