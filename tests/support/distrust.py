"""Desks whose context has all CAs, and declarations of a compromise."""

from datetime import datetime

from sinetti.database.authorities import register
from sinetti.database.authorities.register import Distrust
from sinetti.domain.authorities.distrust import decide_bridge_end
from sinetti.domain.certificates.revocation import RevocationReason
from tests.support.authority import authority
from tests.support.service_context import Desk

SERVICES = authority().hierarchy.services.file_name


def with_services(desk: Desk) -> Desk:
    """Return a desk with all CAs as issuers, and the responder of the services CA."""
    built = authority()
    issuers = {one.file_name: built.issuer(one.file_name) for one in built.hierarchy.authorities}
    return desk.but(issuers=issuers, responders={**desk.ctx.responders, SERVICES: desk.responders.of(SERVICES)})


def declared(desk: Desk, name: str, since: datetime, *, hours: int = 72, checkpoint: str = "") -> Distrust:
    """Declare that a CA's key was stolen; it is on its parent's list from now on."""
    now = desk.ctx.now()
    distrust = Distrust(since, now, decide_bridge_end(since, now, hours), checkpoint)
    register.revoke(desk.db, name, RevocationReason.CA_COMPROMISE, distrust, desk.audit_entry())
    return distrust
