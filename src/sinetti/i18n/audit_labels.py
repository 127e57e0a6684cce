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
    "act-asserted": gettext_noop("Confirmed by a passkey"),
    "act-approved": gettext_noop("Proposal approved by officers"),
    "act-done": gettext_noop("Approved act carried out"),
    "act-proposed": gettext_noop("Act proposed to officers"),
    "act-rejected": gettext_noop("Proposal to officers rejected"),
    "act-signed": gettext_noop("Proposal signed by an officer"),
    "act-started": gettext_noop("Approved act begun"),
    "account-ended": gettext_noop("Account closed"),
    "account-erased": gettext_noop("Account data erased"),
    "account-made": gettext_noop("Account created"),
    "account-person-set": gettext_noop("Person of a clerk's account verified"),
    "key-destroyed": gettext_noop("Private keys destroyed"),
    "key-destruction-begun": gettext_noop("Destruction of private keys begun"),
    "passphrase-changed": gettext_noop("Pass-phrase of the keys replaced"),
    "secret-removed": gettext_noop("Secret key removed"),
    "secrets-wrapped": gettext_noop("Way to the secret keys changed"),
    "secret-rotated": gettext_noop("Secret key replaced by a new one"),
    "second-factor-reset": gettext_noop("Second factor removed by the operator"),
    "address-bounced": gettext_noop("E-mail returned as undeliverable"),
    "address-changed": gettext_noop("Account's e-mail address changed"),
    "application-approved": gettext_noop("Application approved"),
    "application-made": gettext_noop("Application submitted"),
    "application-refused": gettext_noop("Application refused"),
    "application-withdrawn": gettext_noop("Application withdrawn"),
    "approval-setting-set": gettext_noop("Rule of approvals changed"),
    "asked-for-roles": gettext_noop("Authorisations requested"),
    "authorisation-changed": gettext_noop("Authorisation changed"),
    "authorisation-end-noted": gettext_noop("Ended authorisation removed from the list"),
    "authorisation-given": gettext_noop("Authorisation given"),
    "authorisation-withdrawn": gettext_noop("Authorisation withdrawn"),
    "authorisation-to-nobody": gettext_noop("Authorisation refused, organisation not in the register"),
    "bulk-approved": gettext_noop("Bulk revocation confirmed"),
    "bulk-begun": gettext_noop("Bulk revocation started"),
    "bulk-done": gettext_noop("Bulk revocation completed"),
    "bulk-proposed": gettext_noop("Bulk revocation proposed"),
    "bulk-withdrawn": gettext_noop("Bulk revocation proposal withdrawn"),
    "ca-activated": gettext_noop("CA issues from now on"),
    "ca-founded": gettext_noop("CA founded"),
    "rows-adopted": gettext_noop("Rows of the register recorded in the log"),
    "difference-accepted": gettext_noop("Difference from the log accepted"),
    "ca-begun": gettext_noop("Successor of a CA begun"),
    "ca-distrusted": gettext_noop("CA key declared compromised"),
    "ca-installed": gettext_noop("Certificate of a CA installed"),
    "ca-replaced": gettext_noop("CA replaced by its successor"),
    "ca-restored": gettext_noop("CA recorded again after a restore"),
    "ca-retired": gettext_noop("CA retired"),
    "ca-revoked": gettext_noop("CA revoked"),
    "ca-stopped": gettext_noop("CA stopped from issuing"),
    "callers-deleted": gettext_noop("Old network addresses deleted"),
    "proposals-deleted": gettext_noop("Old proposals to officers deleted"),
    "certificate-fetched": gettext_noop("Certificate retrieved"),
    "certificate-issued": gettext_noop("Certificate issued"),
    "certificate-reserved": gettext_noop("Certificate reserved for issue"),
    "certificate-restored": gettext_noop("Certificate recorded again after a restore"),
    "certificate-revoked": gettext_noop("Certificate revoked"),
    "certificate-unregistered": gettext_noop("Certificate found that the register lacks"),
    "certificate-voided": gettext_noop("Certificate reservation released"),
    "channel-approved": gettext_noop("Channel approved"),
    "channel-withdrawn": gettext_noop("Channel approval withdrawn"),
    "clerk-dismissed": gettext_noop("Clerk removed"),
    "clerk-named": gettext_noop("Clerk named"),
    "clock-accepted": gettext_noop("System clock accepted"),
    "contact-changed": gettext_noop("Contact person changed"),
    "contact-person-set": gettext_noop("Organisation's contact person changed"),
    "crl-published": gettext_noop("Revocation list published"),
    "deputy-changed": gettext_noop("Deputy changed"),
    "deputy-removed": gettext_noop("Deputy removed"),
    "early-called": gettext_noop("Early replacement requested"),
    "early-done": gettext_noop("Early replacement completed"),
    "early-undone": gettext_noop("Early replacement cancelled"),
    "early-narrowed": gettext_noop("Early replacement limited to fewer certificates"),
    "drill-begun": gettext_noop("Exercise begun"),
    "founded": gettext_noop("Certification authorities created"),
    "gateway-added": gettext_noop("Gateway added"),
    "gateway-withdrawn": gettext_noop("Gateway removed"),
    "invitation-asked": gettext_noop("Invitation of a representative requested"),
    "invitation-confirmed": gettext_noop("Invitation of a representative confirmed"),
    "invitation-ended": gettext_noop("Invitation cancelled"),
    "invitation-rejected": gettext_noop("Invitation of a representative rejected"),
    "invitation-used": gettext_noop("Invitation accepted"),
    "invitation-withdrawn": gettext_noop("Invitation of a representative withdrawn"),
    "invited": gettext_noop("Person invited"),
    "journal-closed": gettext_noop("Journal closed"),
    "let-end": gettext_noop("Renewal opted out of"),
    "let-end-undone": gettext_noop("Renewal opt-out cancelled"),
    "load-accepted": gettext_noop("Import accepted"),
    "load-compared": gettext_noop("Import compared with the register"),
    "load-done": gettext_noop("Import carried out"),
    "load-proposed": gettext_noop("Import proposed to a second clerk"),
    "load-rejected": gettext_noop("Import proposal rejected"),
    "load-withdrawn": gettext_noop("Import proposal withdrawn"),
    "log-entries-lost": gettext_noop("Entries lost before they entered the log"),
    "log-founded": gettext_noop("Log begun"),
    "log-journals": gettext_noop("State of the journals recorded"),
    "log-key-changed": gettext_noop("Log's key changed"),
    "log-restored": gettext_noop("Log continued after a restore"),
    "looked": gettext_noop("Data shown to a clerk"),
    "looked-after-by-set": gettext_noop("Organisation in the care of another"),
    "looked-after-by-withdrawn": gettext_noop("Organisation no longer in the care of another"),
    "mail-stop-asked": gettext_noop("Contact person reported that the task is no longer theirs"),
    "mail-stopped": gettext_noop("E-mail to an address stopped"),
    "messages-deleted": gettext_noop("Old messages deleted"),
    "messages-tried-again": gettext_noop("Messages queued again"),
    "own-invitation-refused": gettext_noop("Authorisation to oneself refused"),
    "officer-added": gettext_noop("Officer added"),
    "officer-removed": gettext_noop("Officer removed"),
    "officers-recovered": gettext_noop("All officers replaced by the custodians"),
    "order-spent-again": gettext_noop("Order marked as used after a restore"),
    "people-settled": gettext_noop("Restored certificate needs no contact person"),
    "ordered": gettext_noop("Certificate ordered"),
    "organisation-added": gettext_noop("Organisation added"),
    "organisation-closed": gettext_noop("Organisation ended"),
    "organisation-loads-deleted": gettext_noop("Old imports deleted"),
    "organisation-language-set": gettext_noop("Organisation's language changed"),
    "organisation-merged": gettext_noop("Organisation merged into another"),
    "organisation-renamed": gettext_noop("Organisation renamed"),
    "password-changed": gettext_noop("Account password changed"),
    "password-reset": gettext_noop("Forgotten password reset"),
    "person-erased": gettext_noop("Person's data erased"),
    "pin-locked": gettext_noop("PIN code locked after wrong attempts"),
    "profile-changed": gettext_noop("User's own details changed"),
    "provider-connected": gettext_noop("Sign-in service connected to an account"),
    "provider-disconnected": gettext_noop("Sign-in service disconnected from an account"),
    "recovery-codes-made": gettext_noop("Recovery codes created"),
    "refusals-deleted": gettext_noop("Old refusals deleted"),
    "request-refused": gettext_noop("Request refused"),
    "renewal-opened-by-rule": gettext_noop("Early renewal withdrawn"),
    "renewal-opened-early": gettext_noop("Early renewal allowed"),
    "request-approved": gettext_noop("Request for an authorisation approved"),
    "request-declined": gettext_noop("Request for an authorisation declined"),
    "reservation-given-up": gettext_noop("Certificate reservation released after a restore"),
    "right-requests-deleted": gettext_noop("Old requests for authorisations deleted"),
    "second-factor-added": gettext_noop("Second factor added to an account"),
    "second-factor-removed": gettext_noop("Second factor removed from an account"),
    "secure-message-locked": gettext_noop("Secure message locked after wrong attempts"),
    "secure-message-offered": gettext_noop("Link to transfer IDs sent"),
    "secure-message-opened": gettext_noop("Secure message opened"),
    "secure-messages-deleted": gettext_noop("Old secure messages deleted"),
    "signatory-added": gettext_noop("Representative named"),
    "signatory-removed": gettext_noop("Representative removed"),
    "signatory-vetoed": gettext_noop("First representative stopped by the organisation"),
    "signatory-waits": gettext_noop("First representative named, not in force yet"),
    "transfer-ids-locked": gettext_noop("Transfer IDs locked"),
    "transfer-ids-made-anew": gettext_noop("New transfer IDs created"),
    "order-cancelled": gettext_noop("Order cancelled"),
    "order-lapsed": gettext_noop("Order lapsed"),
    "transfer-ids-shown": gettext_noop("Transfer IDs shown"),
    "trust-list-stored": gettext_noop("Trust list stored"),
}
"""Labels by the action of a row."""

FACTS: Mapping[str, str] = {
    "act": gettext_noop("act"),
    "people": gettext_noop("number of people it takes"),
    "until": gettext_noop("until"),
    "value": gettext_noop("value"),
    "keys": gettext_noop("keys"),
    "ca": gettext_noop("CA"),
    "protocol_sha256": gettext_noop("SHA-256 of the protocol"),
    "attestation": gettext_noop("digest of the attestation"),
    "authenticator_data": gettext_noop("data of the passkey"),
    "client_data": gettext_noop("data of the browser"),
    "naming": gettext_noop("naming"),
    "nonce": gettext_noop("random value"),
    "public_key": gettext_noop("public key"),
    "signature": gettext_noop("signature"),
    "sha512": gettext_noop("digest"),
    "purpose": gettext_noop("purpose"),
    "case": gettext_noop("case"),
    "search": gettext_noop("digest of the search"),
    "reason": gettext_noop("reason"),
    "channel": gettext_noop("channel"),
    "kind": gettext_noop("type"),
    "count": gettext_noop("count"),
    "changes": gettext_noop("changes"),
    "organisation": gettext_noop("organisation"),
    "into": gettext_noop("merged into"),
    "mandate": gettext_noop("authorisation"),
    "person": gettext_noop("person"),
    "holding": gettext_noop("chain of renewals"),
    "replaces": gettext_noop("replaces"),
    "language": gettext_noop("language"),
    "proposed_by": gettext_noop("proposed by"),
    "asked_by": gettext_noop("requested by"),
    "pending": gettext_noop("invitation to confirm"),
    "serials": gettext_noop("digest of the serial numbers"),
    "digest": gettext_noop("digest"),
    "sha256": gettext_noop("digest"),
    "key": gettext_noop("digest of the key"),
    "agent": gettext_noop("acting organisation"),
    "call": gettext_noop("early replacement"),
    "audience": gettext_noop("recipients"),
    "before": gettext_noop("before"),
    "invitation": gettext_noop("invitation"),
    "message": gettext_noop("message"),
    "order": gettext_noop("order"),
    "pin": gettext_noop("PIN code"),
    "role": gettext_noop("authorisation"),
    "secure": gettext_noop("secure message"),
    "predecessor": gettext_noop("earlier certificate"),
    "voids": gettext_noop("reservation released"),
    "tbs": gettext_noop("digest of the reserved certificate"),
    "environment": gettext_noop("environment"),
    "newest": gettext_noop("latest time before"),
    "number": gettext_noop("number"),
    "lists": gettext_noop("number of lists"),
    "staff": gettext_noop("clerk"),
    "operation": gettext_noop("request"),
    "rows": gettext_noop("number of earlier rows"),
    "last_sequence": gettext_noop("last earlier row"),
    "first": gettext_noop("first entry"),
    "lost": gettext_noop("entries without content"),
    "hashes": gettext_noop("digests"),
    "old": gettext_noop("former key"),
    "new": gettext_noop("new key"),
    "ca_role": gettext_noop("role of the CA"),
    "replaced": gettext_noop("replaced CA"),
    "successor": gettext_noop("successor"),
    "since": gettext_noop("since"),
    "state": gettext_noop("state"),
    "version": gettext_noop("version"),
}
"""Labels by the name of a fact."""

OBJECTS: Mapping[str, str] = {
    "act": gettext_noop("proposal to officers"),
    "setting": gettext_noop("setting"),
    "application": gettext_noop("application"),
    "officer": gettext_noop("officer"),
    "certificate": gettext_noop("certificate"),
    "order": gettext_noop("order"),
    "organisation": gettext_noop("organisation"),
    "person": gettext_noop("person"),
    "user": gettext_noop("account"),
    "bulk-revocation": gettext_noop("bulk revocation"),
    "early-call": gettext_noop("early replacement"),
    "drill": gettext_noop("exercise"),
    "load": gettext_noop("file"),
    "search": gettext_noop("search"),
    "holding": gettext_noop("chain of renewals"),
    "mandate": gettext_noop("authorisation"),
    "outbox": gettext_noop("outbox"),
    "authority": gettext_noop("certification authority"),
    "gateway": gettext_noop("gateway"),
    "request": gettext_noop("request for an authorisation"),
    "instance": gettext_noop("this service"),
    "clock": gettext_noop("clock"),
    "log": gettext_noop("log"),
    "rows": gettext_noop("rows of the register"),
    "retention": gettext_noop("retention"),
    "secret": gettext_noop("secret keys"),
}
"""Labels by the prefix of an object, before its colon."""

ACTORS: Mapping[str, str] = {
    "user": gettext_noop("account"),
    "officer": gettext_noop("officer of the authority"),
    "os-user": gettext_noop("operator, by a command"),
    "operator": gettext_noop("operator"),
    "service": gettext_noop("the service"),
    "notices": gettext_noop("the service"),
    "recipient": gettext_noop("recipient of the message"),
    "stranger": gettext_noop("unknown"),
    "sign-up": gettext_noop("person creating an account"),
    "order": gettext_noop("user of the transfer IDs"),
    "retrieval": gettext_noop("user of the retrieval ID"),
    "certificate": gettext_noop("holder of the certificate's key"),
    "secure-message": gettext_noop("reader of the secure message"),
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
