"""Layout of all messages, and the context that they are written from.

The layout adds greeting, certificate, reason, other recipients, help, and data protection to the body.

The English text is the message id; `locale/` holds the Finnish and the Swedish one. See docs/glossary.md for style and
terms. A placeholder gets a complete value: a name, or an instant as `MessageContext.when` formats it.

The context holds the row, the data from the database, the terms, and the values of the texts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sinetti.database.notifications import message_data
from sinetti.database.notifications.message_data import CertificateData, LineageData, MessageData
from sinetti.domain.link_tokens import STOP_LINK, link_token
from sinetti.domain.notifications.messages import AUDIENCES, MessageKind, QueuedMessage, RecipientRole
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Environment, Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.templates.markup import LinkBlock, Part, RowsBlock, named


class RecipientRoleText(StrEnum):
    """Role of a recipient towards the certificate or its organisation, as in texts."""

    CONTACT = "contact"
    DEPUTY = "deputy"
    CONTACT_PERSON = "contact-person"
    SIGNATORY = "signatory"
    FORMER = "former"
    FIRM = "firm"
    OPERATOR = "operator"
    ACCOUNT = "account"


NOT_THERE: Final = "the subject of the message is not in the register"


@dataclass(frozen=True)
class Skip:
    """Message that is not written.

    `why` is a sentence without names and addresses, for the row's `problem`.
    """

    why: str


class NothingToReport(Exception):
    """The subject matter of a message is not in the database, or not any more.

    The text has the reason.
    """


@dataclass(frozen=True)
class MessageBody:
    """Body of a message: a subject, parts, and the role of the recipient.

    `why` replaces the role's sentence about the reason for the message.
    """

    subject: str
    parts: tuple[Part, ...]
    role: RecipientRoleText
    why: str = ""


@dataclass(frozen=True)
class MessageContext:
    """Context of one message, written at `now` on the service's clock."""

    message: QueuedMessage
    notification: NotificationContext
    data: MessageData
    language: Language
    now: datetime

    def say(self, message_id: str, **values: object) -> str:
        """Return a text in the recipient's language."""
        return translate.translate(message_id, self.language, **values)

    @property
    def lineage(self) -> LineageData:
        """Lineage of the message. Raises NothingToReport if there is none."""
        if self.data.lineage is None:
            raise NothingToReport(NOT_THERE)
        return self.data.lineage

    @property
    def certificate(self) -> CertificateData:
        """Certificate of the message. Raises NothingToReport if there is none."""
        if self.data.certificate is None:
            raise NothingToReport(NOT_THERE)
        return self.data.certificate

    @property
    def ended(self) -> bool:
        """True if the certificate has ended from the reader's view.

        Its last valid second counts as ended, because the message is read later.
        """
        return self.now >= self.certificate.not_after

    @property
    def organisation(self) -> str:
        """The organisation's name in displayable form."""
        return named(self.lineage.organisation)

    @property
    def description(self) -> str:
        """The organisation's description of the certificate, else channel and serial."""
        if self.lineage.description:
            return named(self.lineage.description)
        serial = self.data.certificate.serial if self.data.certificate else ""
        return f"{self.lineage.channel} {serial}".rstrip()

    def stops(self, *, ended: bool) -> Iterator[str]:
        """Yield the sentence about the end of others' reports, if there are any."""
        yield from stopped(self, self.lineage.serves, ended=ended)

    @property
    def many(self) -> tuple[str, ...]:
        """Ids of the lineages, for a message about many."""
        return tuple((self.message.facts or {}).get("holdings", ()))

    def names(self) -> dict[str, str]:
        """Return the values `description` and `organisation`."""
        return {"description": self.description, "organisation": self.organisation}

    def fact(self, name: str) -> str | None:
        """Return a value of the row's facts as text, or None."""
        value = (self.message.facts or {}).get(name)
        return None if value is None else str(value)

    def is_to(self, person_id: str | None) -> bool:
        """Return whether the recipient is this person."""
        return person_id is not None and person_id == self.message.recipient

    def is_by_name(self, name: str) -> bool:
        """Return whether the recipient has this name."""
        return self.data.to is not None and self.data.to.name == name

    def role(self) -> RecipientRoleText:
        """Return the recipient's current role.

        A recipient without any role was the contact at the time of the event.
        """
        if self.data.to is None:
            return RecipientRoleText.OPERATOR
        role = self.role_of(self.message.recipient)
        if role is RecipientRoleText.SIGNATORY and self.data.lineage is not None and not self.data.to.signs:
            return RecipientRoleText.FORMER
        return role

    def role_of(self, person_id: str | None) -> RecipientRoleText:
        """Return a person's role for this lineage and its organisation.

        The role nearest to the certificate counts; a person without any other role is a signatory.
        """
        lineage = self.data.lineage
        if lineage is None or person_id is None:
            return RecipientRoleText.SIGNATORY
        places = {
            lineage.contact_person: RecipientRoleText.CONTACT_PERSON,
            lineage.deputy: RecipientRoleText.DEPUTY,
            lineage.contact.person_id if lineage.contact else None: RecipientRoleText.CONTACT,
        }
        return places.get(person_id, RecipientRoleText.SIGNATORY)

    def when(self, at: datetime) -> str:
        """Return date and time of day as text, in Finnish time."""
        return translate.format_datetime(at, self.language)

    def when_on(self, at: datetime) -> str:
        """Return day of the week, date and time of day as text, in Finnish time."""
        return translate.format_datetime_long(at, self.language)

    def day(self, at: datetime | date) -> str:
        """Return the date as text."""
        return translate.format_date(translate.finnish_day(at) if isinstance(at, datetime) else at, self.language)

    @property
    def today(self) -> date:
        """Current date in Finland."""
        return translate.finnish_day(self.now)


def stopped(ctx: MessageContext, serves: int | None, *, ended: bool) -> Iterator[str]:
    """Yield the sentence about reports of other organisations.

    `serves` is the number of organisations whose reports are sent with the certificate.
    """
    if serves == 1:
        yield ctx.say(SERVED_ONE if ended else SERVES_ONE)
    elif serves:
        yield ctx.say(SERVED if ended else SERVES, count=serves)


HELLO = gettext_noop("Hello {name},")
HELLO_UNNAMED = gettext_noop("Hello,")
REHEARSAL = gettext_noop(
    "This message is from the test environment. It does not concern your organisation's real certificates."
)
REHEARSAL_SHORT = gettext_noop("TEST: ")

DESCRIPTION = gettext_noop("Certificate: {description}")
ORGANISATION = gettext_noop("Organisation: {organisation}, {customer_id}")
CHANNEL = gettext_noop("Certificate type: {channel}")
SERIAL = gettext_noop("Serial number: {serial}")
OPENS = gettext_noop("Can be renewed from: {opens}")
ENDS = gettext_noop("Valid until: {ends}")

WHY: Mapping[RecipientRoleText, str] = {
    RecipientRoleText.CONTACT: gettext_noop(
        "You are receiving this message because you are the technical contact person of this certificate."
    ),
    RecipientRoleText.DEPUTY: gettext_noop(
        "You are receiving this message because you are the deputy of this certificate's technical contact person."
    ),
    RecipientRoleText.CONTACT_PERSON: gettext_noop(
        "You are receiving this message because you are the contact person of {organisation}."
    ),
    RecipientRoleText.SIGNATORY: gettext_noop(
        "You are receiving this message because you are a representative of {organisation}."
    ),
    RecipientRoleText.FORMER: gettext_noop(
        "You are receiving this message because you have looked after this certificate until now."
    ),
    RecipientRoleText.FIRM: gettext_noop(
        "You are receiving this message because your firm looks after these certificates for its clients."
    ),
    RecipientRoleText.OPERATOR: gettext_noop(
        "You are receiving this message because your address is listed as an operator's address in the "
        "service's settings."
    ),
    RecipientRoleText.ACCOUNT: gettext_noop(
        "You are receiving this message because your address was entered in the certificate service."
    ),
}
WHY_MANY: Mapping[RecipientRoleText, str] = {
    RecipientRoleText.CONTACT: gettext_noop(
        "You are receiving this message because you are the technical contact person of these certificates."
    ),
    RecipientRoleText.DEPUTY: gettext_noop(
        "You are receiving this message because you are the deputy of these certificates' technical contact person."
    ),
    RecipientRoleText.FORMER: gettext_noop(
        "You are receiving this message because you have looked after these certificates until now."
    ),
}
WHY_UNNAMED = gettext_noop("You are receiving this message because you act for an organisation that uses this service.")
ALSO = gettext_noop("Other recipients: {people}.")
NO_OTHER_RECIPIENT = gettext_noop("There are no other recipients.")
AS: Mapping[RecipientRoleText, str] = {
    RecipientRoleText.CONTACT: gettext_noop("{name} (technical contact person)"),
    RecipientRoleText.DEPUTY: gettext_noop("{name} (deputy of the technical contact person)"),
    RecipientRoleText.CONTACT_PERSON: gettext_noop("{name} (organisation's contact person)"),
    RecipientRoleText.SIGNATORY: gettext_noop("{name} (representative)"),
    RecipientRoleText.FORMER: gettext_noop("{name} (until now)"),
}

HELP = gettext_noop("Help: {help}")
TYPE_IT = gettext_noop(
    "You can also type the address into your browser. It begins with {address}. The rest contains only "
    "lower-case letters and the digits 2 to 7."
)
TYPE_STOP = gettext_noop("You can also type the address into your browser. It begins with {address}.")
NO_LINK = gettext_noop(
    "This message contains no links. To open the service, type its address into your browser: {address}"
)
NOT_YOURS = gettext_noop(
    "Is this no longer your task? Tell us on this page, and we will ask the organisation to name another person:"
)

YOUR_DATA = gettext_noop(
    "This is our first message to you, so we explain how we use your data. The controller is {service}. "
    "{organisation} gave us your name, e-mail address, language and, if known, your phone number. We use "
    "them only to reach you about certificates. Your name is shown to other people who look after the "
    "same certificates."
)
YOUR_DATA_UNNAMED = gettext_noop(
    "This is our first message to you, so we explain how we use your data. The controller is {service}. "
    "An organisation that you act for gave us your name, e-mail address, language and, if known, your "
    "phone number. We use them only to reach you about certificates. Your name is shown to other people "
    "who look after the same certificates."
)
KEPT_YEARS = gettext_noop("We keep your data for {count} years after your last task with certificates has ended.")
KEPT_DAYS = gettext_noop("We keep your data for {count} days after your last task with certificates has ended.")
YOUR_RIGHTS = gettext_noop(
    "You have the right to see your data and to have it corrected. You can ask us to erase the data or "
    "restrict its use, and you can object to its use. You can complain to the Data Protection Ombudsman. "
    "Ask us: {help}"
)


WITH_STOP = frozenset({MessageKind.REMINDER, MessageKind.TAKE_INTO_USE, MessageKind.DIGEST})
"""Kinds that end with the link *Not your task any more?*, which is their one link."""

_ABOUT_PEOPLE = frozenset({MessageKind.BOUNCED, MessageKind.CONTACT_GONE, MessageKind.DIGEST})
"""Kinds about more than one certificate, even if the row names one."""

_YEAR = timedelta(days=365)


def with_layout(ctx: MessageContext, written: MessageBody) -> tuple[Part, ...]:
    """Return all parts of the message in order."""
    return tuple(_framed(ctx, written))


def page(ctx: MessageContext) -> str:
    """Return the address of the portal without its scheme, as people type it."""
    return ctx.notification.terms.people_address.partition("://")[2]


def help_line(ctx: MessageContext) -> str:
    """Return the help line in the recipient's language."""
    return ctx.notification.terms.help[ctx.language]


def _framed(ctx: MessageContext, written: MessageBody) -> Iterator[Part]:
    to = ctx.data.to
    yield ctx.say(HELLO, name=named(to.name)) if to and to.name else ctx.say(HELLO_UNNAMED)
    if ctx.notification.environment is Environment.TEST and written.role is not RecipientRoleText.OPERATOR:
        yield ctx.say(REHEARSAL)
    yield from written.parts
    if ctx.data.certificate is not None and ctx.message.kind not in _ABOUT_PEOPLE and not ctx.many:
        yield _facts(ctx)
    yield _who(ctx, written)
    if written.role is not RecipientRoleText.OPERATOR:
        yield ctx.say(HELP, help=help_line(ctx))
        yield from _links(ctx, written)
    if to is not None and not to.written_to:
        yield from _your_data(ctx)
    yield ctx.notification.terms.service


def _facts(ctx: MessageContext) -> RowsBlock:
    certificate, lineage = ctx.certificate, ctx.lineage
    lines = [
        ctx.say(DESCRIPTION, description=ctx.description),
        ctx.say(ORGANISATION, organisation=ctx.organisation, customer_id=lineage.customer_id),
        ctx.say(CHANNEL, channel=lineage.channel.value),
        ctx.say(SERIAL, serial=certificate.serial),
    ]
    if certificate.revoked_at is None:
        if certificate.successor is None and not ctx.ended:
            lines.append(ctx.say(OPENS, opens=ctx.when(certificate.renewable_from)))
        lines.append(ctx.say(ENDS, ends=ctx.when(certificate.not_after)))
    return RowsBlock(tuple(lines))


def _who(ctx: MessageContext, written: MessageBody) -> str:
    """Return the reason for the message, and its other recipients if known."""
    lineage = ctx.data.lineage
    if written.why:
        return written.why
    if ctx.many:
        why = ctx.say(WHY_MANY[written.role])
    elif lineage is None and written.role is RecipientRoleText.SIGNATORY:
        why = ctx.say(WHY_UNNAMED)
    else:
        why = ctx.say(WHY[written.role], organisation=ctx.organisation if lineage else "")
    # A link to transfer IDs, or an account, belongs to one person; earlier ones are other messages.
    alone = ctx.message.kind in {MessageKind.TRANSFER_IDS, MessageKind.ACCOUNT}
    also = () if alone else message_data.other_recipients(ctx.notification.db, ctx.message)
    if also is None:
        return why
    people = ", ".join(
        ctx.say(AS[_role_of(ctx, person_ref.person_id)], name=named(person_ref.name)) for person_ref in also
    )
    return f"{why} {ctx.say(ALSO, people=people) if people else ctx.say(NO_OTHER_RECIPIENT)}"


def _role_of(ctx: MessageContext, person_id: str) -> RecipientRoleText:
    """Return the role of another recipient; a former contact is named as such."""
    if ctx.message.kind is MessageKind.CONTACT_CHANGED and person_id == ctx.fact("old"):
        return RecipientRoleText.FORMER
    role = ctx.role_of(person_id)
    audience = AUDIENCES.get(ctx.message.kind)
    # If signatories do not get the message, a person without a role was contact or deputy at the time of the event.
    return (
        RecipientRoleText.FORMER
        if role is RecipientRoleText.SIGNATORY and audience and RecipientRole.SIGNATORIES not in audience
        else role
    )


def _links(ctx: MessageContext, written: MessageBody) -> Iterator[Part]:
    """Yield the one link unless the body has one, or the sentence that there is none."""
    if ctx.message.kind in WITH_STOP:
        yield ctx.say(NOT_YOURS)
        yield LinkBlock(_stop_address(ctx))
        yield ctx.say(TYPE_STOP, address=page(ctx))
    elif not any(isinstance(part, LinkBlock) for part in written.parts):
        yield ctx.say(NO_LINK, address=page(ctx))


def _stop_address(ctx: MessageContext) -> str:
    message_id = ctx.message.message_id
    token = link_token(ctx.notification.ring.current(SecretPurpose.MAIL).octets, STOP_LINK, message_id)
    return f"{ctx.notification.terms.people_address}/stop/{message_id}/{token}"


def _your_data(ctx: MessageContext) -> Iterator[Part]:
    """Yield the data protection notice (GDPR, Article 14) of a person's first message."""
    terms = ctx.notification.terms
    if ctx.data.lineage is None or ctx.many:
        yield ctx.say(YOUR_DATA_UNNAMED, service=terms.service)
    else:
        yield ctx.say(YOUR_DATA, service=terms.service, organisation=ctx.organisation)
    years, rest = divmod(terms.people_kept, _YEAR)
    in_years = not rest and years > 1
    kept = KEPT_YEARS if in_years else KEPT_DAYS
    yield ctx.say(kept, count=years if in_years else terms.people_kept.days)
    yield ctx.say(YOUR_RIGHTS, help=help_line(ctx))


# Certificates that also serve other organisations: the effect on their reports.
SERVES_ONE = gettext_noop(
    "The reports of one other organisation are also sent with this certificate. They cannot be sent if it expires."
)


SERVES = gettext_noop(
    "The reports of about {count} other organisations are also sent with this certificate. They cannot be "
    "sent if it expires."
)


SERVED_ONE = gettext_noop(
    "The reports of one other organisation were also sent with this certificate. They can no longer be sent with it."
)


SERVED = gettext_noop(
    "The reports of about {count} other organisations were also sent with this certificate. They can no "
    "longer be sent with it."
)
