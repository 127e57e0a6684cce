"""Messages about authorisations.

They cover the invitation with its link, and an authorisation that was requested, granted, declined, changed, withdrawn
or given up by its holder, or that ends.
"""

from collections.abc import Callable, Mapping

from sinetti.database.notifications import access_messages
from sinetti.database.notifications.access_messages import AccessEvent, AccessMessageData
from sinetti.domain.access.roles import NEEDS_SECOND_FACTOR
from sinetti.domain.link_tokens import INVITATION, VETO, link_token
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.i18n import role_labels
from sinetti.i18n.role_labels import ROLES
from sinetti.notifications.templates import access_ends, access_texts, layout
from sinetti.notifications.templates.layout import (
    NOT_THERE,
    MessageBody,
    MessageContext,
    NothingToReport,
    help_line,
    page,
)
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import LinkBlock, Part, named, sanitise


def authorisation(ctx: MessageContext) -> MessageBody:
    """Write the message that the row's facts name, about the current state.

    Raises NothingToReport if it does not apply any more.
    """
    word = ctx.fact("tells")
    if word not in set(AccessEvent):
        raise NothingToReport(NOT_THERE)
    tells = AccessEvent(word)
    if tells in access_ends.NEXT_STEP:
        return access_ends.ends(ctx, tells)
    access_message = access_messages.journal_facts(ctx.notification.db, ctx.message.facts or {}, ctx.now)
    if access_message is None:
        raise NothingToReport(NOT_THERE)
    if tells in _WHILE_IT_STANDS and not access_message.is_in_force:
        raise NothingToReport("the subject of the message no longer applies")
    return _WRITERS[tells](ctx, access_message)


def _invitation(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    invitation_id = ctx.fact("invitation")
    if invitation_id is None or about.expires is None:
        raise NothingToReport(NOT_THERE)
    token = link_token(ctx.notification.ring.of_row(SecretPurpose.LINKS, invitation_id), INVITATION, invitation_id)
    how = [ctx.say(access_texts.HOW, button=ctx.say(role_labels.BUTTON))]
    if about.role in NEEDS_SECOND_FACTOR:
        how.append(ctx.say(access_texts.HOW_SECOND))
    parts = (
        _with_end(ctx, about, access_texts.INVITATION),
        " ".join(how),
        LinkBlock(f"{ctx.notification.terms.people_address}/invitation/{token}"),
        ctx.say(layout.TYPE_IT, address=page(ctx)),
        ctx.say(access_texts.LINK_WORKS_ONCE, expires=ctx.when(about.expires)),
        ctx.say(access_texts.UNEXPECTED),
    )
    subject = ctx.say(access_texts.INVITATION_SUBJECT, day=ctx.day(about.expires), **_names(about))
    return MessageBody(subject, parts, Role.FORMER, ctx.say(access_texts.WHY_INVITED, **_names(about)))


def _joined(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    parts = (
        ctx.say(access_texts.JOINED, name=_asker_name(about), email=sanitise(about.email), **_names(about)),
        ctx.say(access_texts.NOT_RIGHT, help=help_line(ctx)),
    )
    return _to_signatories(ctx, about, access_texts.JOINED_SUBJECT, parts)


def _asked(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    # Of a person, only the verified address is given. Their name is unverified text, which must not be sent to others.
    who = {"email": sanitise(about.email), **_firm(about)}
    message = access_texts.ASKED_BY_FIRM if about.firm else access_texts.ASKED_BY_PERSON
    if about.expires is None:
        raise NothingToReport(NOT_THERE)
    sentence = ctx.say(message, role=_role(ctx, about), **who, **_names(about))
    until = "" if about.until is None else f" {ctx.say(access_texts.UNTIL_ASKED, until=ctx.when(about.until))}"
    parts = (
        sentence + until,
        ctx.say(access_texts.ANSWER, expires=ctx.when(about.expires)),
        ctx.say(access_texts.KNOW_THEM),
    )
    return _to_signatories(ctx, about, access_texts.ASKED_SUBJECT, parts)


def _granted(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    parts = (_with_end(ctx, about, access_texts.GRANTED),)
    return _written(ctx, about, access_texts.GRANTED_SUBJECT, parts, access_texts.WHY_ASKED)


def _declined(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    message = access_texts.DECLINED_FIRM if about.firm else access_texts.DECLINED
    sentence = ctx.say(message, role=_role(ctx, about), firm=named(about.firm), customer_id=about.customer_id)
    subject = ctx.say(access_texts.DECLINED_SUBJECT, day=ctx.day(ctx.message.due))
    return MessageBody(subject, (sentence,), Role.FORMER, ctx.say(access_texts.WHY_ASKED))


def _changed(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    message = access_texts.CHANGED_FIRM if about.firm else access_texts.CHANGED
    return _written(
        ctx,
        about,
        access_texts.CHANGED_SUBJECT,
        (_with_end(ctx, about, message),),
        access_texts.WHY_YOURS,
    )


def _withdrawn(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    message = access_texts.WITHDRAWN_FIRM if about.firm else access_texts.WITHDRAWN
    sentence = ctx.say(message, **_firm(about), **_names(about))
    parts = (sentence, ctx.say(access_texts.IF_NEEDED))
    return _written(ctx, about, access_texts.WITHDRAWN_SUBJECT, parts, access_texts.WHY_YOURS)


def _given_up(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    who = {"name": _asker_name(about), "email": sanitise(about.email), **_firm(about)}
    message = access_texts.GIVEN_UP_BY_FIRM if about.firm else access_texts.GIVEN_UP
    sentence = ctx.say(message, role=_role(ctx, about), **who, **_names(about))
    return _to_signatories(ctx, about, access_texts.GIVEN_UP_SUBJECT, (sentence, ctx.say(access_texts.WHO_INSTEAD)))


def _given_to_firm(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    parts = (
        _with_end(ctx, about, access_texts.GIVEN_TO_FIRM),
        ctx.say(access_texts.WHO_OF_FIRM, **_firm(about)),
    )
    return _written(ctx, about, access_texts.GIVEN_SUBJECT, parts, access_texts.WHY_YOURS)


def _named(ctx: MessageContext, about: AccessMessageData) -> MessageBody:
    naming_id = ctx.fact("naming")
    if naming_id is None or about.begins is None:
        raise NothingToReport(NOT_THERE)
    token = link_token(ctx.notification.ring.of_row(SecretPurpose.LINKS, naming_id), VETO, naming_id)
    parts = (
        ctx.say(access_texts.NAMED, name=_asker_name(about), email=sanitise(about.email), **_names(about)),
        ctx.say(access_texts.NAMED_FROM, begins=ctx.when(about.begins)),
        ctx.say(access_texts.NAMED_VETO),
        LinkBlock(f"{ctx.notification.terms.people_address}/veto/{naming_id}/{token}"),
        ctx.say(layout.TYPE_IT, address=page(ctx)),
        ctx.say(access_texts.NAMED_RIGHT),
    )
    subject = ctx.say(access_texts.NAMED_SUBJECT, day=ctx.day(about.begins), **_names(about))
    return MessageBody(subject, parts, Role.FORMER, ctx.say(access_texts.WHY_NAMED, **_names(about)))


_WRITERS: Mapping[AccessEvent, Callable[[MessageContext, AccessMessageData], MessageBody]] = {
    AccessEvent.INVITATION: _invitation,
    AccessEvent.JOINED: _joined,
    AccessEvent.ASKED: _asked,
    AccessEvent.GRANTED: _granted,
    AccessEvent.DECLINED: _declined,
    AccessEvent.CHANGED: _changed,
    AccessEvent.WITHDRAWN: _withdrawn,
    AccessEvent.GIVEN_UP: _given_up,
    AccessEvent.GIVEN_TO_FIRM: _given_to_firm,
    AccessEvent.NAMED: _named,
}
_WHILE_IT_STANDS = frozenset(AccessEvent) - {AccessEvent.DECLINED, AccessEvent.WITHDRAWN, AccessEvent.GIVEN_UP}


def _with_end(ctx: MessageContext, about: AccessMessageData, message: str) -> str:
    """Return a sentence about a role, with the end of its validity."""
    sentence = ctx.say(message, role=_role(ctx, about), **_firm(about), **_names(about))
    if about.until is None:
        return f"{sentence} {ctx.say(access_texts.NO_END)}"
    return f"{sentence} {ctx.say(access_texts.UNTIL, until=ctx.when(about.until))}"


def _to_signatories(
    ctx: MessageContext, about: AccessMessageData, subject: str, parts: tuple[Part, ...]
) -> MessageBody:
    why = ctx.say(layout.WHY[Role.SIGNATORY], organisation=named(about.organisation))
    return MessageBody(_subject(ctx, about, subject), parts, Role.SIGNATORY, why)


def _written(
    ctx: MessageContext, about: AccessMessageData, subject: str, parts: tuple[Part, ...], why: str
) -> MessageBody:
    """Return the message for the holder, or for the representatives of a firm."""
    reason = ctx.say(access_texts.WHY_FIRM, **_firm(about)) if about.firm else ctx.say(why)
    return MessageBody(_subject(ctx, about, subject), parts, Role.FORMER, reason)


def _subject(ctx: MessageContext, about: AccessMessageData, subject: str) -> str:
    return ctx.say(subject, day=ctx.day(ctx.message.due), **_names(about))


def _names(about: AccessMessageData) -> dict[str, str]:
    return {"organisation": named(about.organisation), "customer_id": about.customer_id}


def _firm(about: AccessMessageData) -> dict[str, str]:
    return {"firm": named(about.firm), "firm_id": about.firm_id}


def _asker_name(about: AccessMessageData) -> str:
    return named(about.asker) if about.asker else sanitise(about.email)


def _role(ctx: MessageContext, about: AccessMessageData) -> str:
    return ctx.say(ROLES[about.role])
