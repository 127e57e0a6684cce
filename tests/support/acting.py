"""People with roles for the test organisation, and one of another organisation."""

from dataclasses import dataclass

from sinetti.database import models
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language, Serial
from sinetti.services.access.permissions import Actor, Permissions, load_permissions
from tests.support.authority import CUSTOMER_ID
from tests.support.scene import Scene, add_organisation
from tests.support.users import account, mandate

OTHER_ID = "7654321-2"
NEW_CONTACT = ContactDetails("Uusi Yhteyshenkilö", "uusi@sinisiipi.example", "+358 40 1234567", Language.FI)
WITHOUT_PHONE = ContactDetails("Ilman Puhelinta", "ilman@sinisiipi.example", "", Language.FI)


@dataclass(frozen=True, slots=True)
class Cast:
    """Signatory, manager and viewer of the test organisation, and another's signatory."""

    signatory: Actor
    manager: Actor
    viewer: Actor
    stranger: Actor
    organisation_id: str
    other_id: str


def cast(scene: Scene) -> Cast:
    """Create accounts, each with a role."""
    other = add_organisation(scene, OTHER_ID)
    actors = []
    for name, role in (("signatory", Role.SIGNATORY), ("manager", Role.MANAGER), ("viewer", Role.VIEWER)):
        user = account(scene, name)
        mandate(scene, user, CUSTOMER_ID, role)
        actors.append(Actor(user.pk, second_factor=True))
    user = account(scene, "stranger")
    mandate(scene, user, OTHER_ID, Role.SIGNATORY)
    ours = models.Organisation.objects.using(scene.db.alias).get(customer_id=CUSTOMER_ID).pk
    return Cast(*actors, Actor(user.pk, second_factor=True), ours, other)


def stands(scene: Scene, actor: Actor) -> Permissions:
    """Return the permissions that an actor has now."""
    return load_permissions(actor, scene.ctx)


def orders(scene: Scene) -> "list[models.Order]":
    """Return all orders, oldest first."""
    return list(models.Order.objects.using(scene.db.alias).order_by("created", "pk"))


def lineage(scene: Scene, serial: Serial) -> models.Lineage:
    """Return the lineage of a certificate, with its contact and deputy."""
    rows = models.Lineage.objects.using(scene.db.alias).select_related("contact", "deputy")
    return rows.get(certificates__serial=serial)


def audited(scene: Scene, action: str) -> list[str]:
    """Return the actors of an action's audit rows, oldest first."""
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action=action).order_by("sequence")
    return list(rows.values_list("actor", flat=True))
