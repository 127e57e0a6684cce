"""Notification context on a scene's database and clocks, with test deliverers."""

from dataclasses import replace

from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment, Language
from sinetti.notifications.context import NotificationContext, NotificationSettings
from tests.support.scene import Scene

TERMS = NotificationSettings(
    people_address="https://people.example",
    service="Sinetti",
    help=dict.fromkeys(Language, "help@pki.example"),
    operators=("operator@pki.example",),
)


def a_mailroom(scene: Scene, deliverers=None, step=lambda _name: None, **terms: object) -> NotificationContext:
    """Return a context with the settings `TERMS` and these changes."""
    return NotificationContext(
        scene.db,
        Environment.TEST,
        scene.clock,
        scene.machine,
        replace(TERMS, **terms),
        deliverers or {},
        fixed_keys(b"k" * 32),
        step,
    )
