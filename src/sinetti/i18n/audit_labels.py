"""The audit trail in words: what was done, to what, by whom, and what more a row says.

Ids, serials, case numbers and digests stand as they are.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sinetti.domain.access.access_purpose import Place
from sinetti.domain.values import Environment, Language
from sinetti.i18n.languages import LANGUAGES
from sinetti.i18n.revocation_reasons import REASONS
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.staff_labels import CHANNELS, KINDS, PLACES, PURPOSES
from sinetti.i18n.translate import mark, number, text, when

ACTIONS: Mapping[str, str] = {
    "account-ended": mark("An account was ended"),
    "account-erased": mark("An account's data was erased"),
    "account-made": mark("An account was made"),
    "address-bounced": mark("Mail came back from an address"),
    "address-changed": mark("Somebody changed the e-mail address of their account"),
    "application-approved": mark("An application was approved"),
    "application-made": mark("An application was made"),
    "application-refused": mark("An application was refused"),
    "application-withdrawn": mark("An application was withdrawn"),
    "asked-for-roles": mark("Authorisations were asked for"),
    "authorisation-changed": mark("An authorisation was changed"),
    "authorisation-given": mark("An authorisation was given"),
    "authorisation-withdrawn": mark("An authorisation was withdrawn"),
    "authorisation-to-nobody": mark(
        "Somebody tried to give an authorisation to an organisation that is not in the register"
    ),
    "bulk-approved": mark("A revocation of many was confirmed"),
    "bulk-begun": mark("A revocation of many was begun"),
    "bulk-done": mark("A revocation of many was carried out"),
    "bulk-proposed": mark("A revocation of many was proposed"),
    "bulk-withdrawn": mark("A proposal of a revocation was withdrawn"),
    "certificate-fetched": mark("A certificate was retrieved"),
    "certificate-issued": mark("A certificate was issued"),
    "certificate-reserved": mark("A certificate was reserved for issue"),
    "certificate-restored": mark("A certificate was written anew after a restoration"),
    "certificate-revoked": mark("A certificate was revoked"),
    "certificate-voided": mark("A reservation of a certificate was given up"),
    "channel-approved": mark("A channel was approved"),
    "channel-withdrawn": mark("A channel was withdrawn"),
    "clerk-dismissed": mark("Somebody is no longer a clerk"),
    "clerk-named": mark("Somebody was made a clerk"),
    "clock-accepted": mark("The machine's clock was accepted"),
    "contact-changed": mark("A contact person was changed"),
    "contact-person-set": mark("An organisation's contact person was changed"),
    "crl-published": mark("A revocation list was published"),
    "deputy-changed": mark("A deputy was changed"),
    "deputy-removed": mark("A deputy was removed"),
    "early-called": mark("Early replacement of certificates was called for"),
    "early-done": mark("A call for early replacement was carried out"),
    "early-undone": mark("A call for early replacement was undone"),
    "founded": mark("The certification authorities were founded"),
    "gateway-added": mark("A gateway was added"),
    "gateway-withdrawn": mark("A gateway was withdrawn"),
    "invitation-asked": mark("A clerk asked for an invitation of a representative"),
    "invitation-confirmed": mark("An invitation of a representative was confirmed"),
    "invitation-ended": mark("An invitation was cancelled"),
    "invitation-rejected": mark("An invitation of a representative was rejected"),
    "invitation-used": mark("An invitation was taken up"),
    "invitation-withdrawn": mark("A clerk withdrew an invitation of a representative"),
    "invited": mark("Somebody was invited"),
    "let-end": mark("A certificate was let end"),
    "let-end-undone": mark("A certificate is not let end any more"),
    "load-accepted": mark("Changes of a file were accepted"),
    "load-compared": mark("A file was compared with the register"),
    "load-done": mark("Changes of a file were carried out"),
    "load-proposed": mark("Changes of a file were proposed to a second clerk"),
    "load-rejected": mark("Proposed changes of a file were rejected"),
    "load-withdrawn": mark("Proposed changes of a file were withdrawn"),
    "looked": mark("A clerk looked"),
    "looked-after-by-set": mark("An organisation is looked after by another"),
    "looked-after-by-withdrawn": mark("An organisation is not looked after by another any more"),
    "mail-stop-asked": mark("A contact person said that it is not their task any more"),
    "mail-stopped": mark("Mail to an address was stopped"),
    "messages-deleted": mark("Old messages were deleted"),
    "messages-tried-again": mark("Messages were tried again"),
    "own-invitation-refused": mark("Somebody tried to give themselves an authorisation, and was refused"),
    "order-spent-again": mark("An order was marked as used after a restoration"),
    "ordered": mark("A certificate was ordered"),
    "organisation-added": mark("An organisation was added"),
    "organisation-closed": mark("An organisation ended"),
    "organisation-loads-deleted": mark("Old files of organisations were deleted"),
    "organisation-language-set": mark("An organisation's language was changed"),
    "organisation-merged": mark("An organisation was merged into another"),
    "organisation-renamed": mark("An organisation has a new name"),
    "password-changed": mark("Somebody changed their password"),
    "password-reset": mark("Somebody who had forgotten their password set a new one"),
    "person-erased": mark("Somebody's data was erased"),
    "pin-locked": mark("A PIN code was locked after wrong tries"),
    "profile-changed": mark("Somebody changed their own details"),
    "provider-connected": mark("Another service's sign-in was connected to an account"),
    "provider-disconnected": mark("Another service's sign-in was disconnected from an account"),
    "recovery-codes-made": mark("Recovery codes of an account were made"),
    "refusals-deleted": mark("Old refusals were deleted"),
    "renewal-opened-by-rule": mark("A certificate may be renewed when the rule says again"),
    "renewal-opened-early": mark("A certificate may be renewed early"),
    "request-approved": mark("A request for an authorisation was approved"),
    "request-declined": mark("A request for an authorisation was declined"),
    "reservation-given-up": mark("A reservation of a certificate was given up after a restoration"),
    "right-requests-deleted": mark("Old requests for an authorisation were deleted"),
    "second-factor-added": mark("A second factor was added to an account"),
    "second-factor-removed": mark("A second factor was removed from an account"),
    "secure-message-locked": mark("A secure message was locked after wrong tries"),
    "secure-message-offered": mark("A link to transfer IDs was sent"),
    "secure-message-opened": mark("A secure message was opened"),
    "secure-messages-deleted": mark("Old secure messages were deleted"),
    "signatory-added": mark("A representative was named"),
    "signatory-removed": mark("A representative was removed"),
    "transfer-ids-locked": mark("Transfer IDs were locked"),
    "transfer-ids-made-anew": mark("Transfer IDs were made anew"),
    "transfer-ids-shown": mark("Transfer IDs were shown"),
}
"""By the action of a row."""

FACTS: Mapping[str, str] = {
    "purpose": mark("purpose"),
    "case": mark("case"),
    "search": mark("search (its digest)"),
    "reason": mark("reason"),
    "channel": mark("channel"),
    "kind": mark("kind"),
    "count": mark("how many"),
    "changes": mark("changes"),
    "organisation": mark("organisation"),
    "into": mark("merged into"),
    "mandate": mark("authorisation"),
    "person": mark("person"),
    "holding": mark("line of certificates"),
    "replaces": mark("in the place of"),
    "language": mark("language"),
    "proposed_by": mark("proposed by"),
    "asked_by": mark("asked for by"),
    "pending": mark("invitation that waits"),
    "serials": mark("serial numbers (their digest)"),
    "digest": mark("digest"),
    "sha256": mark("digest"),
    "key": mark("key (its digest)"),
    "agent": mark("organisation that acts"),
    "call": mark("call for early replacement"),
    "before": mark("before"),
    "invitation": mark("invitation"),
    "message": mark("message"),
    "order": mark("order"),
    "pin": mark("PIN code"),
    "role": mark("authorisation"),
    "secure": mark("secure message"),
    "predecessor": mark("earlier certificate"),
    "voids": mark("given up for it"),
    "environment": mark("environment"),
    "newest": mark("newest instant until then"),
    "number": mark("number"),
    "lists": mark("lists"),
    "staff": mark("clerk"),
}
"""By the name of a fact."""

OBJECTS: Mapping[str, str] = {
    "application": mark("application"),
    "certificate": mark("certificate"),
    "order": mark("order"),
    "organisation": mark("organisation"),
    "person": mark("person"),
    "user": mark("account"),
    "bulk-revocation": mark("revocation of many"),
    "early-call": mark("call for early replacement"),
    "load": mark("file"),
    "search": mark("search"),
    "holding": mark("line of certificates"),
    "mandate": mark("authorisation"),
    "outbox": mark("outbox"),
    "authority": mark("certification authority"),
    "gateway": mark("gateway"),
    "request": mark("request for an authorisation"),
    "instance": mark("this service"),
    "clock": mark("clock"),
    "retention": mark("how long data is kept"),
}
"""By what stands before the colon of an object."""

ACTORS: Mapping[str, str] = {
    "user": mark("account"),
    "officer": mark("somebody who runs the service, by a command"),
    "operator": mark("whoever runs the service"),
    "service": mark("the service"),
    "notices": mark("the service"),
    "recipient": mark("whoever got the message"),
    "stranger": mark("somebody who is not known"),
    "sign-up": mark("somebody who was making an account"),
    "order": mark("whoever had the transfer IDs"),
    "retrieval": mark("whoever had the retrieval ID"),
    "certificate": mark("whoever has the certificate's key"),
    "secure-message": mark("whoever opened the secure message"),
}
"""By what stands before the colon of who did it."""

_ENVIRONMENTS: Mapping[Environment, str] = {
    Environment.PRODUCTION: mark("production"),
    Environment.TEST: mark("test environment"),
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
"""Facts whose values are of a closed list, in words."""
_YES, _NO = mark("yes"), mark("no")
_FLAGS = frozenset({"staff"})
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def fact_words(name: str, value: str | int, language: Language) -> str:
    """Return a fact as people read it: "how many: 1 000". What has no words stands as it is written."""
    called = text(FACTS[name], language) if name in FACTS else name
    return f"{called}: {_value(name, value, language)}"


def object_words(subject: str, language: Language) -> str:
    """Return what an object is, in a word, and which place was searched; the empty text for what has no word."""
    kind, _, place = subject.partition(":")
    word = text(OBJECTS[kind], language) if kind in OBJECTS else ""
    return f"{word}: {text(PLACES[Place(place)], language)}" if kind == "search" and place in set(Place) else word


def actor_words(actor: str, language: Language) -> str:
    """Return who did something, in a word; the empty text for what has no word."""
    kind = actor.partition(":")[0]
    return text(ACTORS[kind], language) if kind in ACTORS else ""


def _value(name: str, value: str | int, language: Language) -> str:
    if isinstance(value, int):
        return text(_YES if value else _NO, language) if name in _FLAGS else number(value, language)
    if value in VALUES.get(name, {}):
        return text(VALUES[name][value], language)
    return when(datetime.fromisoformat(value), language) if _INSTANT.fullmatch(value) else value
