"""A decision on an application: what its text is made of, and how a page shows it (docs/clerks.md)."""

from sinetti.i18n.application_decision import DecisionContext
from sinetti.services.staff.applications import Application


def case_of(application: Application) -> DecisionContext:
    """What a decision's text says of an application."""
    return DecisionContext(
        application.case_number,
        application.organisation,
        application.customer_id,
        application.channels,
        application.created,
        application.language,
    )


def lines(decision: str) -> list[str]:
    """A decision as paragraphs of a page, which have no lines of their own."""
    return [line for line in decision.splitlines() if line]
