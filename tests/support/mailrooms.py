"""Notification context on a desk's database and clocks, with test deliverers."""

from dataclasses import replace

from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment, Language
from sinetti.notifications.context import NotificationContext, NotificationSettings
from tests.support.service_context import Desk

TERMS = NotificationSettings(
    people_address="https://people.example",
    service="Sinetti",
    help=dict.fromkeys(Language, "help@pki.example"),
    operators=("operator@pki.example",),
)


def a_mailroom(desk: Desk, deliverers=None, step=lambda _name: None, **terms: object) -> NotificationContext:
    """Return a context with the settings `TERMS` and these changes."""
    return NotificationContext(
        desk.db,
        Environment.TEST,
        desk.clock,
        desk.machine,
        replace(TERMS, **terms),
        deliverers or {},
        fixed_keys(b"k" * 32),
        step,
    )
