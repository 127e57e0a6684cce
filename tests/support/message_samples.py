"""Every kind of message in each variant and language, as docs/messages/ shows them.

The texts are those that the service sends.
"""

from collections.abc import Iterator

from sinetti.database.connection import Database
from sinetti.database.notifications import outbox_queries
from sinetti.database.notifications.scenario import fill_scenario
from sinetti.domain.values import Language
from sinetti.notifications.context import RenderedMessage
from sinetti.notifications.previews import samples as previews_samples
from sinetti.notifications.previews.reminders import SampleMessage


def samples(db: Database) -> dict[str, str]:
    """Return every file of the folder by its name."""
    files: dict[str, list[str]] = {}
    for language, case, letter in letters(db):
        if language is not letter.language:  # operators read English
            continue
        files.setdefault(f"{case.kind}.{language}.txt", []).append(shown(case, letter))
        if case is previews_samples.CASES[0]:
            files[f"{case.kind}.{language}.html"] = [letter.html]
    return {name: "\n".join(parts) for name, parts in files.items()}


def letters(db: Database) -> Iterator[tuple[Language, SampleMessage, RenderedMessage]]:
    """Yield every sample in every language from the rows of the scenario, in an empty database."""
    for language in Language:
        with outbox_queries.rolled_back(db):
            fill_scenario(db, language, previews_samples.TERMS.service)
            for case in previews_samples.CASES:
                yield language, case, previews_samples.render_sample(case, db, language)


def shown(case: SampleMessage, letter: RenderedMessage) -> str:
    """Return one sample as it stands in its file."""
    head = f"=== {case.title} · {case.now:%Y-%m-%d %H:%M} UTC ===\nTo: {letter.to}\n"
    subject = f"Subject: {letter.subject}\n\n" if letter.subject else "\n"
    return f"{head}{subject}{letter.text.rstrip()}\n"
