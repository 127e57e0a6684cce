"""Firm that manages clients, and certificates as rows without keys.

Tests of digests and marks use them.
"""

from datetime import datetime, timedelta

from django.apps import apps

from sinetti.database import models
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Channel, IdentifierType, Language
from tests.support.authority import NOW
from tests.support.service_context import Desk

YEARS = timedelta(days=730)


def rows(desk: Desk, model: str):
    """Return the rows of a model by its name."""
    return apps.get_model("sinetti", model).objects.using(desk.db.alias)


def a_person(desk: Desk, email: str, name: str = "", **changes) -> models.Person:
    """Insert a person with an e-mail address."""
    terms = {"phone": "", "language": Language.FI, **changes}
    return rows(desk, "Person").create(name=name or email, email=email, **terms)


def an_organisation(desk: Desk, name: str, contact: models.Person | None = None) -> models.Organisation:
    """Insert an organisation that is approved for WS."""
    organisation = rows(desk, "Organisation").create(
        customer_id=name, normalised_id=name.casefold(), kind=IdentifierType.ARTIFICIAL, name=name,
        language=Language.FI,
        created=NOW, contact=contact,
    )  # fmt: skip
    rows(desk, "ApprovedChannel").create(organisation=organisation, type=the_type(desk), approved_at=NOW)
    return organisation


def the_type(desk: Desk) -> models.CertificateType:
    """Return the certificate type of WS."""
    return rows(desk, "CertificateType").get(channel=Channel.WS)


def a_firm(desk: Desk, *clients: models.Organisation, name: str = "firm") -> models.Organisation:
    """Insert a firm that manages these clients.

    Its contact person is `reader@NAME.example`.
    """
    firm = an_organisation(desk, name, a_person(desk, f"reader@{name}.example"))
    for client in clients:
        looked_after(desk, client, firm)
    return firm


def looked_after(
    desk: Desk, client: models.Organisation, firm: models.Organisation, **changes
) -> models.RoleAssignment:
    """Insert a role assignment by which a firm manages a client."""
    terms = {"valid_from": NOW, **changes}
    return rows(desk, "RoleAssignment").create(organisation=client, agent=firm, role=Role.MANAGER, **terms)


def a_signatory(desk: Desk, organisation: models.Organisation, person: models.Person) -> models.RoleAssignment:
    """Insert the role assignment of a signatory."""
    return rows(desk, "RoleAssignment").create(
        organisation=organisation, person=person, role=Role.SIGNATORY, valid_from=NOW
    )


def a_certificate(
    desk: Desk, organisation: models.Organisation, ends: datetime, contact: models.Person | None = None, **changes
) -> models.Certificate:
    """Insert a retrieved certificate, in a lineage of its own unless one is given."""
    number = f"{rows(desk, 'Certificate').count():032x}"
    lineage = changes.pop("lineage", None) or rows(desk, "Lineage").create(
        organisation=organisation, type=the_type(desk), subject_serial=number, contact=contact, created=NOW
    )
    begins = ends - YEARS
    key = rows(desk, "UsedKey").create(key_id=number, first_seen=begins)
    terms = {
        "state": "fetched", "origin": "order", "recorded_at": begins, "first_fetched_at": begins, **changes,
    }  # fmt: skip
    return rows(desk, "Certificate").create(
        serial=number, authority=the_type(desk).authority, lineage=lineage, key=key, sha256=number,
        retrieval_id=number, not_before=begins, not_after=ends, renewable_from=ends - timedelta(days=60),
        reserved_at=begins, **terms,
    )  # fmt: skip


def a_message(desk: Desk, to: models.Person | None, kind: str = "reminder", **changes) -> models.OutboxMessage:
    """Insert an e-mail that was sent to a person."""
    now = desk.clock.now
    terms = {"step": "60:email", "created": now, "due": now, "sent": now, "channel": "email", **changes}
    return rows(desk, "OutboxMessage").create(kind=kind, recipient=to, **terms)
