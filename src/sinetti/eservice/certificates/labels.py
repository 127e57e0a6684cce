"""Labels of a certificate or an order: state, days left, use, and next actor."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import (
    DisplayStatus,
    NextActor,
    OrderFacts,
    days_left,
    next_actor,
    order_state,
    severity_of,
    state_of,
)
from sinetti.domain.certificates.listing import CertificateListItem
from sinetti.domain.usage import UsageReport, UsageState, usage_of
from sinetti.domain.values import Channel
from sinetti.eservice.ui.components import Severity
from sinetti.i18n.translate import _, format_time, gettext_noop, number
from sinetti.services.access.permissions import Permissions

CHANNELS: Mapping[Channel, str] = {Channel.WS: gettext_noop("Web service"), Channel.SFTP: gettext_noop("SFTP")}

STATES: Mapping[DisplayStatus, str] = {
    DisplayStatus.REVOKED: gettext_noop("Revoked"),
    DisplayStatus.EXPIRED: gettext_noop("Expired"),
    DisplayStatus.ISSUING: gettext_noop("Being issued"),
    DisplayStatus.OLD_IN_USE: gettext_noop("Renewed, old certificate still in use"),
    DisplayStatus.RENEWED: gettext_noop("Renewed"),
    DisplayStatus.NEW_WAITS: gettext_noop("New certificate not retrieved yet"),
    DisplayStatus.NOT_FETCHED: gettext_noop("Not retrieved yet"),
    DisplayStatus.LET_END: gettext_noop("Will not be renewed"),
    DisplayStatus.ENDS_SOON: gettext_noop("Expires soon"),
    DisplayStatus.RENEWAL_OPEN: gettext_noop("Renewal open"),
    DisplayStatus.VALID: gettext_noop("Valid"),
    DisplayStatus.IDS_LAPSED: gettext_noop("Ordered, transfer IDs expired"),
    DisplayStatus.IDS_OPENED: gettext_noop("Ordered, transfer IDs opened"),
    DisplayStatus.IDS_SENT: gettext_noop("Ordered, transfer IDs sent"),
}
_REVOKED_ON, _EXPIRED_ON = gettext_noop("Revoked on {at}"), gettext_noop("Expired on {at}")
_OPEN_SINCE = gettext_noop("Renewal open since {at}")
_ENDS_IN, _ENDS_IN_ONE, _ENDS_TODAY = (
    gettext_noop("Expires in {days} days"),
    gettext_noop("Expires in 1 day"),
    gettext_noop("Expires in less than a day"),
)
_LEFT, _LEFT_ONE, _LEFT_NONE = (
    gettext_noop("{days} days left"),
    gettext_noop("1 day left"),
    gettext_noop("Less than a day left"),
)

SEVERITIES: Mapping[Severity, str] = {
    Severity.ERROR: gettext_noop("Urgent"),
    Severity.WARNING: gettext_noop("Needs attention"),
    Severity.GOOD: gettext_noop("In order"),
    Severity.PLAIN: gettext_noop("Not urgent"),
}
"""Severities in words, for the CSV."""

_SEEN, _NOT_SEEN, _NOT_KNOWN = (
    gettext_noop("Last seen {at}"),
    gettext_noop("Not seen since {at}"),
    gettext_noop("Unknown"),
)

_NO_ACTION = gettext_noop("No action needed")
_YOU, _CLIENT, _REPRESENTATIVE = (
    gettext_noop("You"),
    gettext_noop("Your client"),
    gettext_noop("Your organisation's representative"),
)
_FIRM, _CONTACT = gettext_noop("Your accounting firm {name}"), gettext_noop("Your contact person {name}")
_NO_CONTACT = gettext_noop("Your organisation (no contact person named)")
_PROGRAM, _CLIENTS_PROGRAM = gettext_noop("Your program"), gettext_noop("Your client's program")
_SERVES, _SERVES_ONE = (
    gettext_noop("Also serves about {count} other organisations"),
    gettext_noop("Also serves 1 other organisation"),
)


def state_in(row: CertificateListItem, now: datetime) -> DisplayStatus:
    """Return the state of a certificate or order."""
    return order_state(row.facts, now) if isinstance(row.facts, OrderFacts) else state_of(row.facts, now)


def status_label(row: CertificateListItem, now: datetime) -> str:
    """Return a state with its instant or its days.

    The instant is in Finnish time, which the surrounding text names.
    """
    state, facts = state_in(row, now), row.facts
    if isinstance(facts, OrderFacts):
        return _(STATES[state])
    match state:
        case DisplayStatus.REVOKED:
            return _(_REVOKED_ON, at=format_time(facts.revoked_at or now))
        case DisplayStatus.EXPIRED:
            return _(_EXPIRED_ON, at=format_time(facts.span.not_after))
        case DisplayStatus.RENEWAL_OPEN:
            return _(_OPEN_SINCE, at=format_time(facts.renewable_from))
        case DisplayStatus.ENDS_SOON:
            return _counted(facts.span.not_after, now, (_ENDS_IN, _ENDS_IN_ONE, _ENDS_TODAY))
        case _:
            return _(STATES[state])


def short_label(row: CertificateListItem, now: datetime) -> str:
    """Return a state for a list, whose other columns have the instants."""
    return _(STATES[state_in(row, now)])


def severity(row: CertificateListItem, now: datetime) -> Severity:
    """Return the severity of a state; what is over is plain."""
    return Severity(severity_of(row.facts, now))


def left_words(not_after: datetime, now: datetime) -> str:
    """Return the number of days left in words; empty after the end."""
    if now > not_after:
        return ""
    return _counted(not_after, now, (_LEFT, _LEFT_ONE, _LEFT_NONE))


def use_words(use: UsageReport) -> str:
    """Return the use of a certificate in words, as far as gateways report it."""
    if use.since is None:
        return _(_NOT_KNOWN)
    return _(_SEEN if use.use is UsageState.SEEN else _NOT_SEEN, at=format_time(use.since))


def use_in(row: CertificateListItem, now: datetime) -> UsageReport:
    """Return the use that gateways report; the use of an order is unknown."""
    if isinstance(row.facts, OrderFacts):
        return UsageReport(UsageState.NOT_KNOWN)
    looking = [row.looking] if row.looking is not None else []
    return usage_of(row.facts.span.not_before, row.facts.seen, looking, now)


def next_actor_label(row: CertificateListItem, permissions: Permissions, now: datetime) -> str:
    """Return the actor who can act now, from the reader's point of view."""
    if isinstance(row.facts, OrderFacts):
        state = order_state(row.facts, now)
        hand = NextActor.REPRESENTATIVE if state is DisplayStatus.IDS_LAPSED else NextActor.CONTACT
    else:
        hand = next_actor(row.facts, now)
    held = permissions.held.get(row.organisation_id)
    via = held.via if held is not None else None
    match hand:
        case NextActor.NONE:
            return _(_NO_ACTION)
        case NextActor.REPRESENTATIVE:
            if permissions.may(Permission.ORDER, row.organisation_id):
                return _(_YOU)
            return _(_REPRESENTATIVE if via is None else _CLIENT)
        case NextActor.CONTACT:
            return _contact(row, via)
        case NextActor.PROGRAM:
            ours = via is None or (row.firm is not None and row.firm.organisation_id == via)
            return _(_PROGRAM if ours else _CLIENTS_PROGRAM)
        case never:
            assert_never(never)


def serves_words(serves: int | None) -> str:
    """Return the other reports that stop, in words.

    The text is empty if no other report stops, or if the number was never recorded.
    """
    if not serves:
        return ""
    return _(_SERVES_ONE) if serves == 1 else _(_SERVES, count=number(serves))


def channel_words(channel: Channel) -> str:
    """Return the display name of a channel."""
    return _(CHANNELS[channel])


def _contact(row: CertificateListItem, via: str | None) -> str:
    if via is not None:
        ours = row.firm is not None and row.firm.organisation_id == via
        return _(_YOU if ours else _CLIENT)
    if row.firm is not None:
        return _(_FIRM, name=row.firm.name)
    return _(_CONTACT, name=row.contact) if row.contact else _(_NO_CONTACT)


def _counted(not_after: datetime, now: datetime, words: tuple[str, str, str]) -> str:
    many, text, none = words
    days = days_left(not_after, now)
    if days == 0:
        return _(none)
    return _(text) if days == 1 else _(many, days=days)
