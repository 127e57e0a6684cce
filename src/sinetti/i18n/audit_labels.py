"""Labels of audit rows: actions, objects, actors and further facts.

Ids, serials, case numbers and digests are shown unchanged.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sinetti.domain.access.access_purpose import SearchScope
from sinetti.domain.values import Environment, Language
from sinetti.i18n.role_labels import REASONS, ROLES
from sinetti.i18n.staff_labels import CHANNELS, KINDS, PLACES, PURPOSES
from sinetti.i18n.translate import LANGUAGES, format_datetime, gettext_noop, number, translate

ACTIONS: Mapping[str, str] = {
    "account-ended": gettext_noop("An account was ended"),
    "account-erased": gettext_noop("An account's data was erased"),
    "account-made": gettext_noop("An account was made"),
    "address-bounced": gettext_noop("Mail came back from an address"),
    "address-changed": gettext_noop("Somebody changed the e-mail address of their account"),
    "application-approved": gettext_noop("An application was approved"),
    "application-made": gettext_noop("An application was made"),
    "application-refused": gettext_noop("An application was refused"),
    "application-withdrawn": gettext_noop("An application was withdrawn"),
    "asked-for-roles": gettext_noop("Authorisations were asked for"),
    "authorisation-changed": gettext_noop("An authorisation was changed"),
    "authorisation-given": gettext_noop("An authorisation was given"),
    "authorisation-withdrawn": gettext_noop("An authorisation was withdrawn"),
    "authorisation-to-nobody": gettext_noop(
        "Somebody tried to give an authorisation to an organisation that is not in the register"
    ),
    "bulk-approved": gettext_noop("A revocation of many was confirmed"),
    "bulk-begun": gettext_noop("A revocation of many was begun"),
    "bulk-done": gettext_noop("A revocation of many was carried out"),
    "bulk-proposed": gettext_noop("A revocation of many was proposed"),
    "bulk-withdrawn": gettext_noop("A proposal of a revocation was withdrawn"),
    "certificate-fetched": gettext_noop("A certificate was retrieved"),
    "certificate-issued": gettext_noop("A certificate was issued"),
    "certificate-reserved": gettext_noop("A certificate was reserved for issue"),
    "certificate-restored": gettext_noop("A certificate was written anew after a restoration"),
    "certificate-revoked": gettext_noop("A certificate was revoked"),
    "certificate-voided": gettext_noop("A reservation of a certificate was given up"),
    "channel-approved": gettext_noop("A channel was approved"),
    "channel-withdrawn": gettext_noop("A channel was withdrawn"),
    "clerk-dismissed": gettext_noop("Somebody is no longer a clerk"),
    "clerk-named": gettext_noop("Somebody was made a clerk"),
    "clock-accepted": gettext_noop("The machine's clock was accepted"),
    "contact-changed": gettext_noop("A contact person was changed"),
    "contact-person-set": gettext_noop("An organisation's contact person was changed"),
    "crl-published": gettext_noop("A revocation list was published"),
    "deputy-changed": gettext_noop("A deputy was changed"),
    "deputy-removed": gettext_noop("A deputy was removed"),
    "early-called": gettext_noop("Early replacement of certificates was called for"),
    "early-done": gettext_noop("A call for early replacement was carried out"),
    "early-undone": gettext_noop("A call for early replacement was undone"),
    "founded": gettext_noop("The certification authorities were founded"),
    "gateway-added": gettext_noop("A gateway was added"),
    "gateway-withdrawn": gettext_noop("A gateway was withdrawn"),
    "invitation-asked": gettext_noop("A clerk asked for an invitation of a representative"),
    "invitation-confirmed": gettext_noop("An invitation of a representative was confirmed"),
    "invitation-ended": gettext_noop("An invitation was cancelled"),
    "invitation-rejected": gettext_noop("An invitation of a representative was rejected"),
    "invitation-used": gettext_noop("An invitation was taken up"),
    "invitation-withdrawn": gettext_noop("A clerk withdrew an invitation of a representative"),
    "invited": gettext_noop("Somebody was invited"),
    "let-end": gettext_noop("A certificate was let end"),
    "let-end-undone": gettext_noop("A certificate is not let end any more"),
    "load-accepted": gettext_noop("Changes of a file were accepted"),
    "load-compared": gettext_noop("A file was compared with the register"),
    "load-done": gettext_noop("Changes of a file were carried out"),
    "load-proposed": gettext_noop("Changes of a file were proposed to a second clerk"),
    "load-rejected": gettext_noop("Proposed changes of a file were rejected"),
    "load-withdrawn": gettext_noop("Proposed changes of a file were withdrawn"),
    "looked": gettext_noop("A clerk looked"),
    "looked-after-by-set": gettext_noop("An organisation is looked after by another"),
    "looked-after-by-withdrawn": gettext_noop("An organisation is not looked after by another any more"),
    "mail-stop-asked": gettext_noop("A contact person said that it is not their task any more"),
    "mail-stopped": gettext_noop("Mail to an address was stopped"),
    "messages-deleted": gettext_noop("Old messages were deleted"),
    "messages-tried-again": gettext_noop("Messages were tried again"),
    "own-invitation-refused": gettext_noop("Somebody tried to give themselves an authorisation, and was refused"),
    "order-spent-again": gettext_noop("An order was marked as used after a restoration"),
    "ordered": gettext_noop("A certificate was ordered"),
    "organisation-added": gettext_noop("An organisation was added"),
    "organisation-closed": gettext_noop("An organisation ended"),
    "organisation-loads-deleted": gettext_noop("Old files of organisations were deleted"),
    "organisation-language-set": gettext_noop("An organisation's language was changed"),
    "organisation-merged": gettext_noop("An organisation was merged into another"),
    "organisation-renamed": gettext_noop("An organisation has a new name"),
    "password-changed": gettext_noop("Somebody changed their password"),
    "password-reset": gettext_noop("Somebody who had forgotten their password set a new one"),
    "person-erased": gettext_noop("Somebody's data was erased"),
    "pin-locked": gettext_noop("A PIN code was locked after wrong tries"),
    "profile-changed": gettext_noop("Somebody changed their own details"),
    "provider-connected": gettext_noop("Another service's sign-in was connected to an account"),
    "provider-disconnected": gettext_noop("Another service's sign-in was disconnected from an account"),
    "recovery-codes-made": gettext_noop("Recovery codes of an account were made"),
    "refusals-deleted": gettext_noop("Old refusals were deleted"),
    "renewal-opened-by-rule": gettext_noop("A certificate may be renewed when the rule says again"),
    "renewal-opened-early": gettext_noop("A certificate may be renewed early"),
    "request-approved": gettext_noop("A request for an authorisation was approved"),
    "request-declined": gettext_noop("A request for an authorisation was declined"),
    "reservation-given-up": gettext_noop("A reservation of a certificate was given up after a restoration"),
    "right-requests-deleted": gettext_noop("Old requests for an authorisation were deleted"),
    "second-factor-added": gettext_noop("A second factor was added to an account"),
    "second-factor-removed": gettext_noop("A second factor was removed from an account"),
    "secure-message-locked": gettext_noop("A secure message was locked after wrong tries"),
    "secure-message-offered": gettext_noop("A link to transfer IDs was sent"),
    "secure-message-opened": gettext_noop("A secure message was opened"),
    "secure-messages-deleted": gettext_noop("Old secure messages were deleted"),
    "signatory-added": gettext_noop("A representative was named"),
    "signatory-removed": gettext_noop("A representative was removed"),
    "transfer-ids-locked": gettext_noop("Transfer IDs were locked"),
    "transfer-ids-made-anew": gettext_noop("Transfer IDs were made anew"),
    "transfer-ids-shown": gettext_noop("Transfer IDs were shown"),
}
"""Labels by the action of a row."""

FACTS: Mapping[str, str] = {
    "purpose": gettext_noop("purpose"),
    "case": gettext_noop("case"),
    "search": gettext_noop("search (its digest)"),
    "reason": gettext_noop("reason"),
    "channel": gettext_noop("channel"),
    "kind": gettext_noop("kind"),
    "count": gettext_noop("how many"),
    "changes": gettext_noop("changes"),
    "organisation": gettext_noop("organisation"),
    "into": gettext_noop("merged into"),
    "mandate": gettext_noop("authorisation"),
    "person": gettext_noop("person"),
    "holding": gettext_noop("line of certificates"),
    "replaces": gettext_noop("in the place of"),
    "language": gettext_noop("language"),
    "proposed_by": gettext_noop("proposed by"),
    "asked_by": gettext_noop("asked for by"),
    "pending": gettext_noop("invitation that waits"),
    "serials": gettext_noop("serial numbers (their digest)"),
    "digest": gettext_noop("digest"),
    "sha256": gettext_noop("digest"),
    "key": gettext_noop("key (its digest)"),
    "agent": gettext_noop("organisation that acts"),
    "call": gettext_noop("call for early replacement"),
    "before": gettext_noop("before"),
    "invitation": gettext_noop("invitation"),
    "message": gettext_noop("message"),
    "order": gettext_noop("order"),
    "pin": gettext_noop("PIN code"),
    "role": gettext_noop("authorisation"),
    "secure": gettext_noop("secure message"),
    "predecessor": gettext_noop("earlier certificate"),
    "voids": gettext_noop("given up for it"),
    "environment": gettext_noop("environment"),
    "newest": gettext_noop("newest instant until then"),
    "number": gettext_noop("number"),
    "lists": gettext_noop("lists"),
    "staff": gettext_noop("clerk"),
}
"""Labels by the name of a fact."""

OBJECTS: Mapping[str, str] = {
    "application": gettext_noop("application"),
    "certificate": gettext_noop("certificate"),
    "order": gettext_noop("order"),
    "organisation": gettext_noop("organisation"),
    "person": gettext_noop("person"),
    "user": gettext_noop("account"),
    "bulk-revocation": gettext_noop("revocation of many"),
    "early-call": gettext_noop("call for early replacement"),
    "load": gettext_noop("file"),
    "search": gettext_noop("search"),
    "holding": gettext_noop("line of certificates"),
    "mandate": gettext_noop("authorisation"),
    "outbox": gettext_noop("outbox"),
    "authority": gettext_noop("certification authority"),
    "gateway": gettext_noop("gateway"),
    "request": gettext_noop("request for an authorisation"),
    "instance": gettext_noop("this service"),
    "clock": gettext_noop("clock"),
    "retention": gettext_noop("how long data is kept"),
}
"""Labels by the prefix of an object, before its colon."""

ACTORS: Mapping[str, str] = {
    "user": gettext_noop("account"),
    "officer": gettext_noop("somebody who runs the service, by a command"),
    "operator": gettext_noop("whoever runs the service"),
    "service": gettext_noop("the service"),
    "notices": gettext_noop("the service"),
    "recipient": gettext_noop("whoever got the message"),
    "stranger": gettext_noop("somebody who is not known"),
    "sign-up": gettext_noop("somebody who was making an account"),
    "order": gettext_noop("whoever had the transfer IDs"),
    "retrieval": gettext_noop("whoever had the retrieval ID"),
    "certificate": gettext_noop("whoever has the certificate's key"),
    "secure-message": gettext_noop("whoever opened the secure message"),
}
"""Labels by the prefix of an actor, before its colon."""

_ENVIRONMENTS: Mapping[Environment, str] = {
    Environment.PRODUCTION: gettext_noop("production"),
    Environment.TEST: gettext_noop("test environment"),
}
VALUES: Mapping[str, Mapping[Any, str]] = {
    "purpose": PURPOSES,
    "reason": REASONS,
    "channel": CHANNELS,
    "kind": KINDS,
    "language": LANGUAGES,
    "role": ROLES,
    "environment": _ENVIRONMENTS,
}
"""Labels of values from closed lists, by the name of the fact."""
_YES, _NO = gettext_noop("yes"), gettext_noop("no")
_FLAGS = frozenset({"staff"})
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def fact_label(name: str, value: str | int, language: Language) -> str:
    """Return a fact with its label: "how many: 1 000".

    A value without label is shown unchanged.
    """
    called = translate(FACTS[name], language) if name in FACTS else name
    return f"{called}: {_value(name, value, language)}"


def object_label(subject: str, language: Language) -> str:
    """Return the label of an object, or the area that was searched.

    It is empty for an object without label.
    """
    kind, _, place = subject.partition(":")
    word = translate(OBJECTS[kind], language) if kind in OBJECTS else ""
    return (
        f"{word}: {translate(PLACES[SearchScope(place)], language)}"
        if kind == "search" and place in set(SearchScope)
        else word
    )


def actor_label(actor: str, language: Language) -> str:
    """Return the label of an actor; empty for one without label."""
    kind = actor.partition(":")[0]
    return translate(ACTORS[kind], language) if kind in ACTORS else ""


def _value(name: str, value: str | int, language: Language) -> str:
    if isinstance(value, int):
        return translate(_YES if value else _NO, language) if name in _FLAGS else number(value, language)
    if value in VALUES.get(name, {}):
        return translate(VALUES[name][value], language)
    return format_datetime(datetime.fromisoformat(value), language) if _INSTANT.fullmatch(value) else value
