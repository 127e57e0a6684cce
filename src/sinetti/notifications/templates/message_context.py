"""What a letter is written from: the row, what the register tells, the terms, and the values of its texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sinetti.database.notifications.message_data import CertificateData, LineageData, MessageData
from sinetti.domain.notifications.messages import QueuedMessage
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.templates import reminder_texts
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, named

NOT_THERE: Final = "what the message is about is not in the register"


@dataclass(frozen=True, slots=True)
class Skip:
    """No letter, and why: a sentence without names and addresses, for the row's `problem`."""

    why: str


class NothingToReport(Exception):
    """The register does not have, or has no longer, what this message is about. It says why."""


@dataclass(frozen=True, slots=True)
class MessageBody:
    """What a kind says: a subject, parts, and the role in which the recipient is told so.

    `why` is a sentence of its own about why they get it, where the role's does not fit.
    """

    subject: str
    parts: tuple[Part, ...]
    role: Role
    why: str = ""


@dataclass(frozen=True, slots=True)
class MessageContext:
    """One message that is being written, at `now` on the office's clock."""

    owed: QueuedMessage
    room: NotificationContext
    told: MessageData
    language: Language
    now: datetime

    def say(self, message_id: str, **values: object) -> str:
        """A text in the recipient's language."""
        return translate.translate(message_id, self.language, **values)

    @property
    def holding(self) -> LineageData:
        """The holding that it is about. Raises NothingToReport without one."""
        if self.told.holding is None:
            raise NothingToReport(NOT_THERE)
        return self.told.holding

    @property
    def certificate(self) -> CertificateData:
        """The certificate that it is about. Raises NothingToReport without one."""
        if self.told.certificate is None:
            raise NothingToReport(NOT_THERE)
        return self.told.certificate

    @property
    def ended(self) -> bool:
        """Whether its certificate has ended for whoever reads it: in its last second it has, since that is later."""
        return self.now >= self.certificate.not_after

    @property
    def organisation(self) -> str:
        """The organisation's name as it may be shown."""
        return named(self.holding.organisation)

    @property
    def description(self) -> str:
        """What the organisation calls the certificate; without that, its channel and serial number."""
        if self.holding.description:
            return named(self.holding.description)
        serial = self.told.certificate.serial if self.told.certificate else ""
        return f"{self.holding.channel} {serial}".rstrip()

    def stops(self, *, ended: bool) -> Iterator[str]:
        """What stops, or has stopped, for others whose reports are sent with it: nothing where there are none."""
        yield from stopped(self, self.holding.serves, ended=ended)

    @property
    def many(self) -> tuple[str, ...]:
        """The ids of the holdings that it is about, where it is about many at once."""
        return tuple((self.owed.facts or {}).get("holdings", ()))

    def names(self) -> dict[str, str]:
        """The values `description` and `organisation`."""
        return {"description": self.description, "organisation": self.organisation}

    def fact(self, name: str) -> str | None:
        """A value of the row's facts, as text."""
        value = (self.owed.facts or {}).get(name)
        return None if value is None else str(value)

    def is_to(self, person_id: str | None) -> bool:
        """Whether it is to this person."""
        return person_id is not None and person_id == self.owed.recipient

    def is_by_name(self, name: str) -> bool:
        """Whether it is to somebody of this name."""
        return self.told.to is not None and self.told.to.name == name

    def role(self) -> Role:
        """What the recipient is now. Who is nothing any more was the contact when it happened."""
        if self.told.to is None:
            return Role.OPERATOR
        role = self.role_of(self.owed.recipient)
        if role is Role.SIGNATORY and self.told.holding is not None and not self.told.to.signs:
            return Role.FORMER
        return role

    def role_of(self, person_id: str | None) -> Role:
        """What a person is to this holding and its organisation, the nearest first; a signatory if nothing nearer."""
        holding = self.told.holding
        if holding is None or person_id is None:
            return Role.SIGNATORY
        places = {
            holding.contact_person: Role.CONTACT_PERSON,
            holding.deputy: Role.DEPUTY,
            holding.contact.person_id if holding.contact else None: Role.CONTACT,
        }
        return places.get(person_id, Role.SIGNATORY)

    def when(self, at: datetime) -> str:
        """Date and hour, Finnish time."""
        return translate.format_datetime(at, self.language)

    def when_on(self, at: datetime) -> str:
        """Day of the week, date and hour, Finnish time."""
        return translate.format_datetime_long(at, self.language)

    def day(self, at: datetime | date) -> str:
        """The date."""
        return translate.format_date(translate.finnish_day(at) if isinstance(at, datetime) else at, self.language)

    @property
    def today(self) -> date:
        """The date in Finland now."""
        return translate.finnish_day(self.now)


def stopped(matter: MessageContext, serves: int | None, *, ended: bool) -> Iterator[str]:
    """The sentence about others' reports that are sent with a certificate which serves so many."""
    if serves == 1:
        yield matter.say(reminder_texts.SERVED_ONE if ended else reminder_texts.SERVES_ONE)
    elif serves:
        yield matter.say(reminder_texts.SERVED if ended else reminder_texts.SERVES, count=serves)
