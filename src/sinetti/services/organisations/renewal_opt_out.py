"""Renewal opt-out: a certificate ends without a successor on purpose.

It may have ended already. The opt-out can be taken back.
"""

from sinetti.database.issuance import transactions
from sinetti.database.organisations import contacts
from sinetti.domain.organisations.applications import PersonErrorReason
from sinetti.domain.values import Serial
from sinetti.services.context import ServiceContext
from sinetti.services.organisations.people import PeopleError


def opt_out_of_renewal(serial: Serial, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Record that a certificate needs no successor; False if recorded.

    The note belongs to the lineage, so only the certificate that it has now takes it; otherwise an older one would
    silence the newest. Raises PeopleError.
    """
    lineage_id = _lineage_of(serial, ctx)
    with ctx.act(actor, request_id) as audit:
        newest = contacts.newest_issued(ctx.db, lineage_id, audit.at)
        if newest is None:
            raise PeopleError(
                PersonErrorReason.NOT_IN_FORCE, "this certificate is not issued, so no reminders are sent about it"
            )
        if newest[0] != serial:
            raise PeopleError(
                PersonErrorReason.NOT_NEWEST,
                f"another certificate has already replaced it: reminders are about {newest[0]}",
            )
        return contacts.let_end(ctx.db, lineage_id, newest[1], audit)


def opt_in_to_renewal(serial: Serial, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Delete the opt-out, so that reminders continue; return False if there is none.

    Raises PeopleError.
    """
    lineage_id = _lineage_of(serial, ctx)
    with ctx.act(actor, request_id) as audit:
        return contacts.let_end_no_more(ctx.db, lineage_id, audit)


def _lineage_of(serial: Serial, ctx: ServiceContext) -> str:
    certificate = transactions.find_certificate(ctx.db, serial)
    if certificate is None:
        raise PeopleError(PersonErrorReason.UNKNOWN, "no certificate has this serial number")
    return certificate.lineage.lineage_id
