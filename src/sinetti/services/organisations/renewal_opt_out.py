"""We let this one end: no more reminders about a certificate that nobody is to renew; and the way back."""

from sinetti.database.issuance import transactions
from sinetti.database.organisations import contacts
from sinetti.domain.organisations.contacts import PersonErrorReason
from sinetti.domain.values import Serial
from sinetti.services.context import ServiceContext
from sinetti.services.organisations.people import PeopleError


def opt_out_of_renewal(serial: Serial, office: ServiceContext, actor: str, request_id: str) -> bool:
    """Note that a certificate is to end without a successor; False where that is noted already. Raises PeopleError.

    The note is the holding's, so only the newest one of those in force takes it: it would silence that one otherwise.
    """
    holding_id = _holding_of(serial, office)
    with office.act(actor, request_id) as deed:
        newest = contacts.newest_in_force(office.register, holding_id, deed.at)
        if newest is None:
            sentence = "this certificate is not in force: nobody is reminded of its end"
            raise PeopleError(PersonErrorReason.NOT_IN_FORCE, sentence)
        if newest != serial:
            what = f"another certificate has taken its place already: it is {newest} whose end people are reminded of"
            raise PeopleError(PersonErrorReason.NOT_NEWEST, what)
        return contacts.let_end(office.register, holding_id, deed)


def opt_in_to_renewal(serial: Serial, office: ServiceContext, actor: str, request_id: str) -> bool:
    """Take that note away, so that reminders go on; False where there is none. Raises PeopleError."""
    holding_id = _holding_of(serial, office)
    with office.act(actor, request_id) as deed:
        return contacts.let_end_no_more(office.register, holding_id, deed)


def _holding_of(serial: Serial, office: ServiceContext) -> str:
    found = transactions.find_certificate(office.register, serial)
    if found is None:
        sentence = "no certificate has this serial"
        raise PeopleError(PersonErrorReason.UNKNOWN, sentence)
    return found.holding.holding_id
