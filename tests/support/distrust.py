"""Scenes whose context has all CAs, and declarations of a compromise."""

from datetime import datetime

from sinetti.database.authorities import register
from sinetti.database.authorities.register import Distrust
from sinetti.domain.authorities.distrust import decide_bridge_end
from sinetti.domain.certificates.revocation import RevocationReason
from tests.support.authority import authority
from tests.support.scene import Scene

SERVICES = authority().hierarchy.services.file_name


def with_services(scene: Scene) -> Scene:
    """Return a scene with all CAs as issuers, and the responder of the services CA."""
    built = authority()
    issuers = {one.file_name: built.issuer(one.file_name) for one in built.hierarchy.authorities}
    return scene.but(issuers=issuers, responders={**scene.ctx.responders, SERVICES: scene.responders.of(SERVICES)})


def declared(scene: Scene, name: str, since: datetime, *, hours: int = 72, checkpoint: str = "") -> Distrust:
    """Declare that a CA's key was stolen; it is on its parent's list from now on."""
    now = scene.ctx.now()
    distrust = Distrust(since, now, decide_bridge_end(since, now, hours), checkpoint)
    register.revoke(scene.db, name, RevocationReason.CA_COMPROMISE, distrust, scene.audit_entry())
    return distrust
