"""Firm that manages clients, and certificates as rows without keys.

Tests of digests and marks use them.
"""

from datetime import datetime, timedelta

from django.apps import apps

from sinetti.database import models
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Channel, IdentifierType, Language
from tests.support.authority import NOW
from tests.support.scene import Scene

YEARS = timedelta(days=730)


def rows(scene: Scene, model: str):
    """Return the rows of a model by its name."""
    return apps.get_model("sinetti", model).objects.using(scene.db.alias)


def a_person(scene: Scene, email: str, name: str = "", **changes) -> models.Person:
    """Insert a person with an e-mail address."""
    terms = {"phone": "", "language": Language.FI, **changes}
    return rows(scene, "Person").create(name=name or email, email=email, **terms)


def an_organisation(scene: Scene, name: str, contact: models.Person | None = None) -> models.Organisation:
    """Insert an organisation that is approved for WS."""
    organisation = rows(scene, "Organisation").create(
        customer_id=name, normalised_id=name.casefold(), kind=IdentifierType.ARTIFICIAL, name=name,
        language=Language.FI,
        created=NOW, contact=contact,
    )  # fmt: skip
    rows(scene, "ApprovedChannel").create(organisation=organisation, type=the_type(scene), approved_at=NOW)
    return organisation


def the_type(scene: Scene) -> models.CertificateType:
    """Return the certificate type of WS."""
    return rows(scene, "CertificateType").get(channel=Channel.WS)


def a_firm(scene: Scene, *clients: models.Organisation, name: str = "firm") -> models.Organisation:
    """Insert a firm that manages these clients.

    Its contact person is `reader@NAME.example`.
    """
    firm = an_organisation(scene, name, a_person(scene, f"reader@{name}.example"))
    for client in clients:
        looked_after(scene, client, firm)
    return firm


def looked_after(
    scene: Scene, client: models.Organisation, firm: models.Organisation, **changes
) -> models.RoleAssignment:
    """Insert a role assignment by which a firm manages a client."""
    terms = {"valid_from": NOW, **changes}
    return rows(scene, "RoleAssignment").create(organisation=client, agent=firm, role=Role.MANAGER, **terms)


def a_signatory(scene: Scene, organisation: models.Organisation, person: models.Person) -> models.RoleAssignment:
    """Insert the role assignment of a signatory."""
    return rows(scene, "RoleAssignment").create(
        organisation=organisation, person=person, role=Role.SIGNATORY, valid_from=NOW
    )


def a_certificate(
    scene: Scene, organisation: models.Organisation, ends: datetime, contact: models.Person | None = None, **changes
) -> models.Certificate:
    """Insert a retrieved certificate, in a lineage of its own unless one is given."""
    number = f"{rows(scene, 'Certificate').count():032x}"
    lineage = changes.pop("lineage", None) or rows(scene, "Lineage").create(
        organisation=organisation, type=the_type(scene), subject_serial=number, contact=contact, created=NOW
    )
    begins = ends - YEARS
    key = rows(scene, "UsedKey").create(key_id=number, first_seen=begins)
    terms = {
        "state": "fetched", "origin": "order", "recorded_at": begins, "first_fetched_at": begins, **changes,
    }  # fmt: skip
    return rows(scene, "Certificate").create(
        serial=number, authority=the_type(scene).authority, lineage=lineage, key=key, sha256=number,
        retrieval_id=number, not_before=begins, not_after=ends, renewable_from=ends - timedelta(days=60),
        reserved_at=begins, **terms,
    )  # fmt: skip


def a_message(scene: Scene, to: models.Person | None, kind: str = "reminder", **changes) -> models.OutboxMessage:
    """Insert an e-mail that was sent to a person."""
    now = scene.clock.now
    terms = {"step": "60:email", "created": now, "due": now, "sent": now, "channel": "email", **changes}
    return rows(scene, "OutboxMessage").create(kind=kind, recipient=to, **terms)
