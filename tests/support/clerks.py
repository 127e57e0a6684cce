"""Clerks at work, and the audit rows of what they viewed.

Example: `anna = a_clerk(scene, "anna")`.
"""

import json

from django.apps import apps

from sinetti.database import models
from sinetti.domain.access.access_purpose import AccessJustification, AccessPurpose
from sinetti.services.access.permissions import Actor
from sinetti.services.staff.session import StaffSession
from tests.support.scene import REQUEST, Scene
from tests.support.users import account


def a_clerk(
    scene: Scene, name: str = "anna", case: str = "", purpose: AccessPurpose = AccessPurpose.APPLICATION
) -> StaffSession:
    """Return the session of a clerk who has an account and has stated a purpose."""
    user = account(scene, name, staff=True)
    return StaffSession(
        Actor(user.pk, second_factor=True, staff=True), AccessJustification(purpose, case), scene.ctx, REQUEST
    )


def same_subject(scene: Scene, *user_ids: str) -> None:
    """Link these accounts to one person.

    Each gets the same subject of a sign-in provider, under different provider names.
    """
    known = apps.get_model("socialaccount", "SocialAccount").objects.using(scene.db.alias)
    for number, user_id in enumerate(user_ids):
        known.create(user_id=user_id, provider=f"bank-{number}", uid="digest")


def looked(scene: Scene) -> list[tuple[str, dict[str, str]]]:
    """Return the objects that clerks viewed, oldest first, with the facts of the rows."""
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action="looked").order_by("sequence")
    return [(row.object, json.loads(bytes(row.octets))["facts"]) for row in rows]
