"""Rows of the previews' scenario, and messages that are rendered from them."""

from dataclasses import dataclass
from types import SimpleNamespace

from sinetti.database.connection import Database
from sinetti.database.models import OutboxMessage, Person
from sinetti.database.notifications.scenario import LINEAGES, PEOPLE, SINCE, SampleLineage, fill_scenario
from sinetti.domain.notifications.messages import QueuedMessage
from sinetti.domain.values import Language
from sinetti.notifications.context import RenderedMessage
from sinetti.notifications.previews.reminders import SampleMessage
from sinetti.notifications.previews.samples import TERMS, queue_sample
from sinetti.notifications.previews.samples import sample_context as context_of
from sinetti.notifications.templates.renderer import Skip, render

__all__ = ["context_of"]


@dataclass(frozen=True)
class SampleData:
    """A database with the scenario, the ids of its people, and its lineages."""

    db: Database
    people: SimpleNamespace

    def __getattr__(self, name: str) -> SampleLineage:
        """Return a lineage by its name."""
        if name in LINEAGES:
            return LINEAGES[name]
        raise AttributeError(name)


def staged(db: Database, language: Language) -> SampleData:
    """Fill an empty database with people who read this language and have had a message."""
    fill_scenario(db, language, TERMS.service)
    db.rows(Person).update(first_written_at=SINCE)
    return SampleData(db, SimpleNamespace(**PEOPLE))


def answered(case: SampleMessage, stage: SampleData, language: Language = Language.EN) -> RenderedMessage | Skip:
    """Render one sample from the rows, or return why it is skipped."""
    return render(queued(case, stage, language), context_of(case, stage.db))


def queued(case: SampleMessage, stage: SampleData, language: Language = Language.EN) -> QueuedMessage:
    """Queue the message for all its recipients, and return the row to render."""
    stage.db.rows(OutboxMessage).all().delete()
    return queue_sample(case, stage.db, language)
