"""Actions of holders and operators, recorded in the database as by the service.

Only keys and signatures are missing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from simulate.founding import AUTHORITY, GATEWAY, digest
from simulate.world import LASTS, Act, Deed, Life, Person, successor
from sinetti.database.certificates import revocation, usage
from sinetti.database.common import audit_log
from sinetti.database.connection import Database
from sinetti.database.issuance import transactions
from sinetti.database.issuance.transactions import CertificateReservation, SignedCertificate
from sinetti.database.organisations import contacts, organisations
from sinetti.database.organisations.organisations import NewOrder, NewTransferIds
from sinetti.domain.certificates.models import Certificate, IssuanceApproval
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, Channel, KeyId, Language, Serial, Sha256, ValidityPeriod

_REQUEST = "5" * 32


class NotThere(Exception):
    """Raised for a certificate of the world that the database lacks.

    The simulation is at fault then.
    """


def new_serial(life: Life) -> Serial:
    """Return the serial number of this certificate's successor."""
    new = successor(life)
    if new is None:
        raise NotThere(life.serial)
    return Serial(new.serial)


@dataclass(frozen=True, slots=True)
class Hand:
    """Executes the actions of the world at their instants."""

    db: Database

    def do(self, life: Life, deed: Deed) -> None:
        """Execute one action."""
        done = audit_log.AuditContext("simulation", deed.at, _REQUEST)
        match deed.act:
            case Act.RENEW:
                held = self._found(Serial(life.serial))
                self._issue(
                    life, IssuanceApproval(held.lineage, _key(life), _span(deed.at), predecessor=held.serial), done
                )
            case Act.ORDER:
                self._order(life, done)
            case Act.FETCH:
                transactions.mark_retrieved(self.db, self._found(new_serial(life)), done)
            case Act.SEE:
                seen = {Sha256(digest(f"der {life.serial}")): deed.at}
                usage.store_report(self.db, GATEWAY, seen, deed.at)
            case Act.CHANGE_CONTACT:
                if deed.to is not None:
                    contacts.change_contact(self.db, life.lineage_id, _party(deed.to), done)
            case Act.LET_END:
                contacts.let_end(self.db, life.lineage_id, life.ends - LASTS, done)
            case Act.REVOKE:
                why = (RevocationReason.SUPERSEDED, None)
                revocation.revoke(self.db, life.lineage_id, [Serial(life.serial)], why, done)

    def _order(self, life: Life, audit: audit_log.AuditContext) -> None:
        """Order a replacement for the current contact, and issue it."""
        contact = next((one.to for one in reversed(life.deeds) if one.to and one.at <= audit.at), life.contact)
        deputy = _party(life.deputy) if life.deputy else None
        customer = f"SIM-{life.organisation.number}"
        new = NewOrder(customer, Channel.WS, "", _party(contact), deputy, Serial(life.serial))
        ids = NewTransferIds(digest(f"ids {life.serial}")[:32], audit.at, audit.at + timedelta(days=14), b"")
        order_id = organisations.add_order(self.db, new, ids, audit)
        lineage = self._found(Serial(life.serial)).lineage
        self._issue(life, IssuanceApproval(lineage, _key(life), _span(audit.at), order_id=order_id), audit)

    def _issue(self, life: Life, approval: IssuanceApproval, audit: audit_log.AuditContext) -> None:
        serial, ends = new_serial(life), approval.span.not_after
        retrieval = digest(f"retrieval {serial}")[:32]
        asked = CertificateReservation(approval, AUTHORITY, serial, retrieval, ends - RENEWAL_WINDOW, 1, b"octets")
        reserved = transactions.reserve_certificate(self.db, asked, audit)
        transactions.store_certificate(
            self.db, reserved, SignedCertificate(b"octets", Sha256(digest(f"der {serial}")), audit.at), audit
        )

    def _found(self, serial: Serial) -> Certificate:
        found = transactions.find_certificate(self.db, serial)
        if found is None:
            raise NotThere(serial)
        return found


def _key(life: Life) -> KeyId:
    return KeyId(digest(new_serial(life)))


def _span(begins: datetime) -> ValidityPeriod:
    return ValidityPeriod(begins, begins + VALIDITY)


def _party(person: Person) -> organisations.ContactDetails:
    name = f"Nimi {person.email.partition('@')[0]}"
    return organisations.ContactDetails(name, person.email, person.phone, Language(person.language))
