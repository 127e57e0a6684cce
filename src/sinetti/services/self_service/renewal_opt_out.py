"""We let this one end, and the way back, on behalf of the certificate's organisation."""

from sinetti.database.certificates import lineage_view
from sinetti.database.certificates.lineage_view import CertificateSeen
from sinetti.domain.access.roles import Right
from sinetti.domain.values import Serial
from sinetti.services.access.act_transaction import guarded
from sinetti.services.access.objects import may_look
from sinetti.services.access.permissions import Actor, Standing
from sinetti.services.context import Office
from sinetti.services.organisations import renewal_opt_out as letting

__all__ = ["CertificateSeen", "let_end", "let_end_no_more", "look"]


def look(serial: Serial, standing: Standing, office: Office) -> CertificateSeen:
    """The certificate. Raises NotAllowed; one that is not there is like one of others."""
    found = lineage_view.find(office.register, serial)
    may_look(Right.CONTACT, None if found is None else found.organisation_id, standing)
    assert found is not None  # noqa: S101 - without one the right is lacking
    return found


def let_end(serial: Serial, office: Office, actor: Actor, request_id: str) -> bool:
    """Note that it is to end without a successor; False where that is noted already. Raises NotAllowed, PeopleError."""
    return letting.let_end(serial, _guarded(serial, office, actor, request_id), actor.name, request_id)


def let_end_no_more(serial: Serial, office: Office, actor: Actor, request_id: str) -> bool:
    """Take that note away; False where there is none. Raises NotAllowed."""
    return letting.let_end_no_more(serial, _guarded(serial, office, actor, request_id), actor.name, request_id)


def _guarded(serial: Serial, office: Office, actor: Actor, request_id: str) -> Office:
    found = lineage_view.find(office.register, serial)
    return guarded(Right.CONTACT, None if found is None else found.organisation_id, office, actor, request_id)
