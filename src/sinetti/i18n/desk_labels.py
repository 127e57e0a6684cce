"""Labels of the clerks' first page: work, and the health of the service."""

from collections.abc import Mapping

from sinetti.domain.operations.figures import CaseKind, HealthKind, WorkKind
from sinetti.i18n.translate import gettext_noop, ngettext_noop

CASES: Mapping[CaseKind, tuple[str, str]] = {
    CaseKind.APPLICATIONS: ngettext_noop("{count} application to decide", "{count} applications to decide"),
    CaseKind.REVOCATIONS: ngettext_noop("{count} revocation to confirm", "{count} revocations to confirm"),
    CaseKind.LOADS: ngettext_noop(
        "{count} file of organisations to confirm", "{count} files of organisations to confirm"
    ),
    CaseKind.INVITATIONS: ngettext_noop(
        "{count} invitation of a representative to confirm", "{count} invitations of representatives to confirm"
    ),
}
WORK: Mapping[WorkKind, tuple[str, str]] = {
    WorkKind.FLEETS: ngettext_noop(
        "{count} organisation with many certificates that expire soon",
        "{count} organisations with many certificates that expire soon",
    ),
    WorkKind.RETURNED: ngettext_noop(
        "{count} certificate whose contact person cannot be reached by e-mail",
        "{count} certificates whose contact persons cannot be reached by e-mail",
    ),
    WorkKind.CONTACTLESS: ngettext_noop(
        "{count} certificate without a contact person", "{count} certificates without a contact person"
    ),
}
WORK_TITLES: Mapping[WorkKind, str] = {
    WorkKind.FLEETS: gettext_noop("Many certificates that expire soon"),
    WorkKind.RETURNED: gettext_noop("Contact persons who cannot be reached"),
    WorkKind.CONTACTLESS: gettext_noop("Certificates without a contact person"),
}
WORK_HINTS: Mapping[WorkKind, str] = {
    WorkKind.FLEETS: gettext_noop(
        "At least ten certificates of each organisation expire within 30 days and have no renewal. Call "
        "the organisation or its accounting firm."
    ),
    WorkKind.RETURNED: gettext_noop(
        "Messages to the contact person were returned. Ask the organisation for a working e-mail address."
    ),
    WorkKind.CONTACTLESS: gettext_noop(
        "Reminders go to the representatives only. Ask the organisation to name a contact person."
    ),
}
HEALTHY: Mapping[HealthKind, str] = {
    HealthKind.LISTS: gettext_noop("Revocation lists are up to date."),
    HealthKind.ANSWERS: gettext_noop("Status responses (OCSP) are up to date."),
    HealthKind.MESSAGES: gettext_noop("Messages leave on time."),
    HealthKind.FAILED: gettext_noop("All messages could be sent."),
    HealthKind.CLOCK: gettext_noop("The clock is right, and certificates are issued."),
}
PROBLEMS: Mapping[HealthKind, tuple[str, str]] = {
    HealthKind.LISTS: ngettext_noop(
        "A revocation list is {count} hour old. Relying services may soon reject certificates. Call the operator now.",
        "A revocation list is {count} hours old. Relying services may soon reject certificates. Call the operator now.",
    ),
    HealthKind.ANSWERS: ngettext_noop(
        "Status responses (OCSP) are {count} hour old. Call the operator.",
        "Status responses (OCSP) are {count} hours old. Call the operator.",
    ),
    HealthKind.MESSAGES: ngettext_noop(
        "{count} message is over an hour late. Call the operator if the number grows.",
        "{count} messages are over an hour late. Call the operator if the number grows.",
    ),
    HealthKind.FAILED: ngettext_noop(
        "{count} message could not be sent. Open the outbox and send it again.",
        "{count} messages could not be sent. Open the outbox and send them again.",
    ),
    HealthKind.CLOCK: ngettext_noop(
        "The clock of {count} server cannot be trusted, so no certificate is issued. Call the operator now.",
        "The clocks of {count} servers cannot be trusted, so no certificate is issued. Call the operator now.",
    ),
}
"""Problems with their size, and what the clerk does."""
