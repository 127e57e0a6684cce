"""Three main tasks of each of the seven roles, from the start page or the letter to the result.

A task is a function of a `RoleWalk`. It adds the objects that the task needs, and then acts as people do. The roles are
those of docs/e-service: representative, certificate manager, viewer, accounting firm, technical contact person, clerk,
second clerk.
"""

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_csr
from playwright.sync_api import Browser

from sinetti.database import models
from sinetti.database.access import pending_invitations
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.roles import Role
from sinetti.domain.link_tokens import OPEN_LINK, STOP_LINK, link_token
from sinetti.domain.values import Language
from sinetti.i18n.translate import format_datetime
from sinetti.services.issuance.secure_message import order_and_offer
from sinetti.services.staff.organisations import load, preview, propose_load
from tests.judges.walker import Combination, Given, Walker, windows_of
from tests.support.clerks import a_clerk
from tests.support.firms import a_certificate, a_message, a_person, a_signatory, an_organisation, looked_after, rows
from tests.support.scene import CONTACT, REQUEST, TRANSFER_KEY, Scene, an_order, csr, new_key
from tests.support.secure import code_of_sms, sent_of
from tests.support.signing_in import code
from tests.support.users import account, mandate
from tests.support.visits import PASSWORD, with_factors

CONTACT_PERSON = "Technical contact person"
SECRET = "JBSWY3DPEHPK3PXP"
DAY = timedelta(days=1)
_NUMBERS = itertools.count(1)


@dataclass(slots=True)
class RoleWalk:
    """A scene with its pages, a browser, and the combination of this walk. Each walk has its own objects."""

    scene: Scene
    address: str
    browser: Browser
    chosen: Combination
    windows: ExitStack

    def visitor(self) -> Walker:
        """Return a person without an account, in a window of their own."""
        return self.windows.enter_context(windows_of(self.browser, self.address, self.chosen))

    def user(self, name: str, *mandates: tuple[models.Organisation, Role], staff: bool = False) -> Walker:
        """Return a person who has opened the start page and signed in there with both factors."""
        known = account(self.scene, f"{name}-{next(_NUMBERS)}", language=self.chosen.language, staff=staff)
        with_factors(self.scene, known)
        for organisation, role in mandates:
            mandate(self.scene, known, organisation.customer_id, role)
        one = self.visitor().opens("/").follows("Sign in")
        one.types("E-mail address", known.email).types("Password", PASSWORD).presses("Sign in")
        return one.types("Verification code", code(SECRET)).presses("Continue").reads(Given(known.name))

    def clerk(self, name: str, purpose: str) -> Walker:
        """Return a clerk at the clerk's pages, who has stated a purpose."""
        one = self.user(name, staff=True).follows("Clerk's pages").follows("State the purpose")
        return one.chooses("What do you need the information for?", purpose).presses("Continue")

    def organisation(self, name: str) -> models.Organisation:
        """Return a new organisation that is approved for WS, with a representative and a contact person."""
        number = f"R-{next(_NUMBERS)}"
        new = an_organisation(self.scene, number, a_person(self.scene, f"office@{number}.example"))
        new.name = f"{name} {number}"
        new.save()
        a_signatory(self.scene, new, a_person(self.scene, f"director@{number}.example"))
        return new

    def certificate(self, organisation: models.Organisation, days: int) -> str:
        """Give an organisation a certificate with so many days left; return its description."""
        contact = a_person(self.scene, f"contact@{organisation.customer_id}.example", "Terho Tekninen")
        held = a_certificate(self.scene, organisation, self.scene.ctx.now() + days * DAY, contact)
        name = f"Payroll {next(_NUMBERS)}"
        rows(self.scene, "Lineage").filter(pk=held.lineage_id).update(description=name)
        return name


def orders_a_certificate(walk: RoleWalk) -> None:
    """A representative orders a certificate and finds it in the list."""
    one = walk.user("representative", (walk.organisation("Tilaaja Oy"), Role.SIGNATORY))
    one.follows("Order a certificate").types("Description", "Payroll of the walk")
    one.types("Name", "Terho Tekninen", within=CONTACT_PERSON)
    one.types("E-mail", "terho@customer.example", within=CONTACT_PERSON)
    one.types("Phone", "+358 40 1234567", within=CONTACT_PERSON).presses("Check the order")
    one.reads(Given("terho@customer.example")).presses("Send the order").reads("Certificate ordered.")
    one.follows("Technical interface and certificates").follows(Given("Payroll of the walk"))
    one.reads(Given("terho@customer.example"))


def invites_a_manager(walk: RoleWalk) -> None:
    """A representative invites a certificate manager and finds the invitation."""
    one = walk.user("representative", (walk.organisation("Kutsuja Oy"), Role.SIGNATORY))
    one.follows("Authorisations").follows("Give an authorisation to a person")
    one.types("Name", "Hilla Hoitaja").types("E-mail address", "hilla@customer.example")
    one.chooses("Authorisation", "Certificate manager: can order, retrieve and revoke certificates and change their "
                "contact persons")  # fmt: skip
    one.presses("Give the authorisation").follows(Given("Hilla Hoitaja")).reads(Given("hilla@customer.example"))


def revokes_a_certificate(walk: RoleWalk) -> None:
    """A representative revokes a certificate after reading the effect."""
    organisation = walk.organisation("Sulkija Oy")
    held = walk.certificate(organisation, 300)
    one = walk.user("representative", (organisation, Role.SIGNATORY)).follows("Technical interface and certificates")
    one.follows(Given(held)).follows("Revoke this certificate")
    one.chooses("Reason for revocation", "It is no longer needed because the program is no longer used")
    one.presses("See the effects of the revocation").reads(Given(organisation.name))
    one.presses("Revoke this certificate permanently")
    one.reads("Revoked")


def orders_a_replacement(walk: RoleWalk) -> None:
    """A certificate manager sees what ends soon and orders its replacement."""
    organisation = walk.organisation("Korvaaja Oy")
    held = walk.certificate(organisation, 9)
    one = walk.user("manager", (organisation, Role.MANAGER)).follows("All certificates").follows(Given(held))
    one.follows("Order a replacement").types("Phone", "+358 40 1234567", within=CONTACT_PERSON)
    one.presses("Check the order").reads(Given(held)).presses("Send the order").reads("Certificate ordered.")


def names_another_contact(walk: RoleWalk) -> None:
    """A certificate manager names another technical contact person."""
    organisation = walk.organisation("Vaihtaja Oy")
    held = walk.certificate(organisation, 200)
    one = walk.user("manager", (organisation, Role.MANAGER)).follows("All certificates").follows(Given(held))
    one.follows("Change the contact person").types("Name", "Uusi Tekninen")
    one.types("E-mail", "uusi@customer.example").presses("Check the change")
    one.presses("Save and send the messages").reads(Given("uusi@customer.example"))


def lets_one_end(walk: RoleWalk) -> None:
    """A certificate manager lets a certificate end, and no reminder follows."""
    organisation = walk.organisation("Päättäjä Oy")
    held = walk.certificate(organisation, 30)
    one = walk.user("manager", (organisation, Role.MANAGER)).follows("All certificates").follows(Given(held))
    one.follows("Let it expire").presses("Let it expire").reads("Turn reminders on again")


def finds_an_end(walk: RoleWalk) -> None:
    """A viewer searches for a certificate and reads on its page who is responsible."""
    organisation = walk.organisation("Katselija Oy")
    held, other = walk.certificate(organisation, 30), walk.certificate(organisation, 300)
    one = walk.user("viewer", (organisation, Role.VIEWER)).follows("All certificates")
    one.types("Name, ID or serial number", held).presses("Search").misses(Given(other))
    one.follows(Given(held)).reads(Given("Terho Tekninen")).misses("Revoke this certificate")


def takes_the_list_away(walk: RoleWalk) -> None:
    """A viewer downloads the list of certificates as a file."""
    organisation = walk.organisation("Lataaja Oy")
    held = walk.certificate(organisation, 30)
    one = walk.user("viewer", (organisation, Role.VIEWER)).follows("All certificates")
    written = one.downloads("link", "Download as CSV").path().read_text("utf-8-sig")
    assert held in written, written


def asks_for_more(walk: RoleWalk) -> None:
    """A viewer requests the authorisation of a certificate manager."""
    organisation = walk.organisation("Pyytäjä Oy")
    one = walk.user("viewer", (organisation, Role.VIEWER)).follows("Request an authorisation")
    one.types("Business ID of the organisation", organisation.customer_id)
    one.chooses("Authorisation", "Certificate manager: can order, retrieve and revoke certificates and change their "
                "contact persons")  # fmt: skip
    one.presses("Send request").reads(Given(organisation.customer_id)).reads("awaiting an answer")


def the_firm(walk: RoleWalk) -> tuple[Walker, list[models.Organisation]]:
    """Return the manager of a firm with forty clients, and the clients."""
    firm = walk.organisation("Tilitoimisto Oy")
    clients = [walk.organisation("Asiakas Oy") for _ in range(39)]
    clients.append(walk.organisation("Maalaamo Korhonen Oy"))
    for number, one in enumerate(clients):
        looked_after(walk.scene, one, firm, valid_until=walk.scene.ctx.now() + (30 if number < 3 else 200) * DAY)
    for one in clients[-3:]:
        walk.certificate(one, 20)
    return walk.user("firm", (firm, Role.MANAGER)), clients


def finds_a_client(walk: RoleWalk) -> None:
    """An accounting firm's manager finds the certificate of one client of many."""
    one, clients = the_firm(walk)
    held = rows(walk.scene, "Lineage").get(organisation=clients[-1]).description
    one.follows("Clients").types("Name or Business ID", "korhonen").presses("Search")
    one.misses(Given(clients[-2].name)).follows(Given(clients[-1].name)).follows(Given(held)).reads(Given(held))


def asks_clients_again(walk: RoleWalk) -> None:
    """An accounting firm's manager asks all clients again whose authorisation ends soon."""
    one, clients = the_firm(walk)
    one.follows("Clients").presses("Ask {count} client again\nAsk {count} clients again", count=3)
    one.reads(Given(clients[0].name)).misses(Given(clients[3].name)).presses("Send the requests")
    one.reads("awaiting an answer").reads(Given(clients[0].customer_id))


def replaces_many(walk: RoleWalk) -> None:
    """An accounting firm's manager orders all replacements that are due."""
    one, clients = the_firm(walk)
    one.follows("All certificates").follows("Order several replacements")
    one.presses("Show the certificates").reads(Given(clients[-1].name))
    one.presses("Order the ticked replacements and send the links")
    one.reads("Replacements ordered: {count}.", count=3)


def a_message_to(walk: RoleWalk, organisation: models.Organisation) -> tuple[str, Callable[[], str]]:
    """Return the path of a letter's link to transfer IDs, and the code of the SMS that follows."""
    new = replace(an_order(organisation.customer_id), contact=replace(CONTACT, language=walk.chosen.language))
    sent = sent_of(walk.scene, order_and_offer(new, walk.scene.ctx, "operator", REQUEST))
    path = f"/m/{link_token(TRANSFER_KEY, OPEN_LINK, sent.offered.secure_id)}"
    return path, lambda: code_of_sms(walk.scene, sent)


def opens_a_message(walk: RoleWalk) -> Walker:
    """A technical contact person opens a message with the PIN code and reads the transfer IDs."""
    path, pin = a_message_to(walk, walk.organisation("Vastaanottaja Oy"))
    one = walk.visitor().opens(path).presses("Open message")
    return one.types("PIN code", pin()).presses("Show the transfer IDs").reads("Your transfer IDs are ready.")


def retrieves_in_the_browser(walk: RoleWalk) -> None:
    """A technical contact person goes on to retrieve the certificate in the browser."""
    one = opens_a_message(walk).opens_tab("Retrieve in the browser (opens in a new tab)")
    request = load_der_x509_csr(csr(new_key())).public_bytes(Encoding.PEM).decode()
    one.types("Certificate signing request", request).presses("Retrieve the certificate")
    one.reads("Certificate retrieved.")
    assert "BEGIN CERTIFICATE" in one.downloads("button", "Certificate (PEM)").path().read_text()


def stops_mail(walk: RoleWalk) -> None:
    """A former contact person reports that the certificate is no task of theirs any more."""
    organisation = walk.organisation("Lopettaja Oy")
    walk.certificate(organisation, 20)
    lineage = rows(walk.scene, "Lineage").get(organisation=organisation)
    letter = a_message(walk.scene, lineage.contact, lineage=lineage).message_id
    one = walk.visitor().opens(f"/stop/{letter}/{link_token(TRANSFER_KEY, STOP_LINK, letter)}")
    one.presses("This is not my task any more").reads("Thank you for telling us. You do not need to do anything else.")


def decides_an_application(walk: RoleWalk) -> None:
    """A clerk approves the application of an organisation."""
    case = f"SI-{next(_NUMBERS):05}-AAAAA"
    known = {"channels": ["WS"], "purpose": "Payroll", "language": "fi", "created": walk.scene.ctx.now()}
    organisation = walk.organisation("Hakija Oy")
    rows(walk.scene, "AccessApplication").create(case_number=case, state="open", organisation=organisation, **known)
    one = walk.clerk("clerk", "Application handling").follows("Applications for the technical interface")
    one.types("Case number", case).presses("Search").reads(Given(organisation.name))
    one.chooses("Decision", "Approve").presses("Read the decision before it is sent").reads(Given(case))
    one.presses("Approve and send the decision").reads("Decision text")


def adds_an_organisation(walk: RoleWalk) -> None:
    """A clerk adds an organisation to the register and finds it."""
    number = f"N-{next(_NUMBERS)}"
    one = walk.clerk("clerk", "Register maintenance").follows("Organisations").follows("Add an organisation")
    one.types("ID", number).chooses("Type of ID", "Artificial ID (for testing)").types("Name", f"Uusi Oy {number}")
    one.chooses("Language of messages", "Finnish").presses("Add the organisation")
    one.follows("Organisations")
    one.types("ID or name", number).presses("Search").follows(Given(f"Uusi Oy {number}")).reads(Given(number))


def proposes_a_revocation(walk: RoleWalk) -> None:
    """A clerk proposes to revoke all certificates of an organisation."""
    organisation = walk.organisation("Päättynyt Oy")
    for _ in range(11):
        walk.certificate(organisation, 400)
    one = walk.clerk("clerk", "Revocation of certificates").follows("Revoke several certificates")
    one.follows("Select certificates").types("ID of the organisation", organisation.customer_id)
    one.chooses("Reason", "it is no longer needed").presses("Show the certificates and effects")
    one.reads("A second clerk must confirm this.").presses("Propose the revocation: {count}", count=11)
    one.reads("Withdraw the proposal")


def confirms_a_revocation(walk: RoleWalk) -> None:
    """A second clerk confirms the revocation that another one proposed."""
    organisation, now = walk.organisation("Suljettu Oy"), walk.scene.ctx.now()
    walk.certificate(organisation, 400)
    held = rows(walk.scene, "Certificate").get(lineage__organisation=organisation)
    first = a_clerk(walk.scene, f"first-{next(_NUMBERS)}")
    rows(walk.scene, "BulkRevocation").all().delete()
    rows(walk.scene, "BulkRevocation").create(
        officer=first.officer, reason="superseded", serials=[held.serial], count=1, created=now, expires=now + DAY
    )
    one = walk.clerk("second-clerk", "Revocation of certificates").follows("Revoke several certificates")
    one.follows(Given(_day(walk))).reads(Given(held.serial))
    one.presses("Confirm and revoke permanently: {count}", count=1).reads(Given(held.serial)).misses(
        "Awaiting a second clerk"
    )


def confirms_an_invitation(walk: RoleWalk) -> None:
    """A second clerk confirms the first representative of an organisation."""
    organisation = walk.organisation("Edustamaton Oy")
    rows(walk.scene, "RoleAssignment").filter(organisation=organisation).delete()
    first, email = a_clerk(walk.scene, f"first-{next(_NUMBERS)}"), f"new@{organisation.customer_id}.example"
    person = ContactDetails("Uusi Edustaja", email, "", Language.FI)
    asked = (organisation.pk, person, first.actor.user_id, walk.scene.audit_entry())
    pending_invitations.add(walk.scene.db, *asked)
    one = walk.clerk("second-clerk", "Register maintenance").follows("Invitations of representatives")
    one.follows(Given(organisation.name)).reads(Given(email))
    one.presses("Confirm the invitation and send the link").misses("Reject the invitation").reads(Given(email))


def confirms_a_file(walk: RoleWalk) -> None:
    """A second clerk compares and confirms a file of changes to organisations."""
    organisation = walk.organisation("Nimetty Oy")
    first = a_clerk(walk.scene, f"first-{next(_NUMBERS)}")
    rows(walk.scene, "OrganisationImport").all().delete()
    line = f"{organisation.customer_id};artificial;FI;Muuttunut Oy;fi;;\n"
    sent = preview(b"customer_id;kind;country;name;language;merged_into;ended\n" + line.encode(), first)
    propose_load(sent, load(sent, first).digest, first)
    one = walk.clerk("second-clerk", "Register maintenance").follows("Organisations")
    one.follows("Import from a file").follows(Given(_day(walk))).reads(Given("Muuttunut Oy"))
    one.presses("Confirm and carry out changes: {count}", count=1).reads("{done} of {count}", done=1, count=1)


def _day(walk: RoleWalk) -> str:
    """Return this instant as the pages write it, which is the name of a proposal in its list."""
    return format_datetime(walk.scene.ctx.now(), walk.chosen.language)


TASKS: dict[str, tuple[Callable[[RoleWalk], object], ...]] = {
    "representative": (orders_a_certificate, invites_a_manager, revokes_a_certificate),
    "manager": (orders_a_replacement, names_another_contact, lets_one_end),
    "viewer": (finds_an_end, takes_the_list_away, asks_for_more),
    "firm": (finds_a_client, asks_clients_again, replaces_many),
    "contact": (opens_a_message, retrieves_in_the_browser, stops_mail),
    "clerk": (decides_an_application, adds_an_organisation, proposes_a_revocation),
    "second-clerk": (confirms_a_revocation, confirms_an_invitation, confirms_a_file),
}
