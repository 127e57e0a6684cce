"""Labels of values from closed lists, on clerks' pages and in applications."""

from collections.abc import Mapping

from sinetti.domain.access.access_purpose import AccessPurpose, SearchScope
from sinetti.domain.certificates.bulk_revocation import BulkErrorReason
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.organisations.applications import ApplicationErrorReason, ApplicationState
from sinetti.domain.organisations.csv_import import ChangeKind, RowErrorKind
from sinetti.domain.organisations.import_confirmation import LoadAct, LoadReason, LoadState
from sinetti.domain.values import Channel, IdentifierType
from sinetti.i18n.translate import gettext_noop

DECISION_SUBJECT = gettext_noop("Decision of {day} on your application {case}")
DECISION_FOLLOWS = gettext_noop("An application for the technical interface was decided. This is the decision:")

PURPOSES: Mapping[AccessPurpose, str] = {
    AccessPurpose.APPLICATION: gettext_noop("Handling an application"),
    AccessPurpose.REGISTER: gettext_noop("Keeping the register up to date"),
    AccessPurpose.SUPPORT: gettext_noop("Helping somebody who has asked for help"),
    AccessPurpose.REVOCATION: gettext_noop("Revoking certificates"),
    AccessPurpose.INCIDENT: gettext_noop("An incident"),
    AccessPurpose.SUPERVISION: gettext_noop("Supervision"),
}

PLACES: Mapping[SearchScope, str] = {
    SearchScope.APPLICATIONS: gettext_noop("Applications"),
    SearchScope.ORGANISATIONS: gettext_noop("Organisations"),
    SearchScope.INVITATIONS: gettext_noop("Invitations"),
    SearchScope.CERTIFICATES: gettext_noop("Certificates"),
    SearchScope.OUTBOX: gettext_noop("Outbox"),
    SearchScope.AUDIT: gettext_noop("Audit trail"),
    SearchScope.REVOCATIONS: gettext_noop("Revocations of many"),
}

MESSAGES: Mapping[MessageKind, str] = {
    MessageKind.TRANSFER_IDS: gettext_noop("link to transfer IDs"),
    MessageKind.PIN: gettext_noop("PIN code"),
    MessageKind.REMINDER: gettext_noop("reminder of an end"),
    MessageKind.TAKE_INTO_USE: gettext_noop("reminder to take the new certificate into use"),
    MessageKind.DIGEST: gettext_noop("summary of certificates"),
    MessageKind.FETCHED: gettext_noop("certificate retrieved"),
    MessageKind.RENEWED: gettext_noop("certificate renewed"),
    MessageKind.REFUSED: gettext_noop("requests refused"),
    MessageKind.REVOKED: gettext_noop("certificate revoked"),
    MessageKind.BOUNCED: gettext_noop("address that mail does not reach"),
    MessageKind.CONTACT_GONE: gettext_noop("contact person gone"),
    MessageKind.CONTACT_CHANGED: gettext_noop("contact person changed"),
    MessageKind.AUTHORISATION: gettext_noop("authorisation"),
    MessageKind.INVITATION_PENDING: gettext_noop("invitation that waits for a confirmation"),
    MessageKind.ACCOUNT: gettext_noop("account"),
    MessageKind.OPERATOR: gettext_noop("to those who run the service"),
}

STATES: Mapping[ApplicationState, str] = {
    ApplicationState.OPEN: gettext_noop("waits for a decision"),
    ApplicationState.APPROVED: gettext_noop("approved"),
    ApplicationState.REFUSED: gettext_noop("refused by decision"),
    ApplicationState.WITHDRAWN: gettext_noop("withdrawn"),
}

CHANNELS: Mapping[Channel, str] = {
    Channel.WS: gettext_noop("Web service (WS)"),
    Channel.SFTP: gettext_noop("File transfer (SFTP)"),
}

KINDS: Mapping[IdentifierType, str] = {
    IdentifierType.BUSINESS_ID: gettext_noop("Business ID"),
    IdentifierType.VAT: gettext_noop("VAT number"),
    IdentifierType.FOREIGN: gettext_noop("Foreign ID"),
    IdentifierType.REGISTER: gettext_noop("ID in another register"),
    IdentifierType.ARTIFICIAL: gettext_noop("Artificial ID (for testing)"),
}

FAULTS: Mapping[ApplicationErrorReason, str] = {
    ApplicationErrorReason.CHANNELS: gettext_noop("Choose at least one way of delivering."),
    ApplicationErrorReason.NOTHING_NEW: gettext_noop(
        "The organisation has already been approved for all of these. Order certificates."
    ),
    ApplicationErrorReason.PURPOSE: gettext_noop(
        "Say in at most 1,000 characters what the organisation would use the interface for."
    ),
    ApplicationErrorReason.SOFTWARE: gettext_noop(
        "Write the name of the software in at most 200 characters, on one line."
    ),
    ApplicationErrorReason.ONE_OPEN: gettext_noop(
        "The organisation has an application that waits for a decision. Withdraw it first if you want to make another."
    ),
    ApplicationErrorReason.CLOSED: gettext_noop("The organisation has ended: nothing more is approved for it."),
    ApplicationErrorReason.UNKNOWN: gettext_noop("There is no such application. Choose it again from the list."),
    ApplicationErrorReason.NOT_OPEN: gettext_noop(
        "This application does not wait for a decision any more: somebody has decided or withdrawn it meanwhile."
    ),
    ApplicationErrorReason.VERDICT: gettext_noop("Choose what is decided."),
    ApplicationErrorReason.REASON: gettext_noop(
        "Give the reason of a refusal in the applicant's language, in 20 to 2,000 characters: it stands in the "
        "decision."
    ),
    ApplicationErrorReason.APPEAL: gettext_noop(
        "No application can be refused yet: the settings do not say in this language how to appeal."
        " Ask whoever runs the service to write it there (eservice.toml, appeal)."
    ),
    ApplicationErrorReason.OWN: gettext_noop(
        "You have an authorisation for this organisation yourself, or you applied for it: another clerk decides on its "
        "application."
    ),
}

CHANGES: Mapping[ChangeKind, str] = {
    ChangeKind.ADD: gettext_noop("new"),
    ChangeKind.CHANGE: gettext_noop("is changed"),
    ChangeKind.MERGE: gettext_noop("is merged"),
    ChangeKind.END: gettext_noop("ends"),
}

LOAD_ACTS: Mapping[LoadAct, str] = {
    LoadAct.ADD: gettext_noop("Organisations added"),
    LoadAct.RENAME: gettext_noop("Organisations renamed"),
    LoadAct.LANGUAGE: gettext_noop("Languages changed"),
    LoadAct.MERGE: gettext_noop("Organisations merged into another"),
    LoadAct.END: gettext_noop("Organisations ended"),
}

LOAD_STATES: Mapping[LoadState, str] = {
    LoadState.COMPARED: gettext_noop("not proposed or carried out yet"),
    LoadState.PROPOSED: gettext_noop("waits for a second clerk"),
    LoadState.LAPSED: gettext_noop("lapsed without confirmation"),
    LoadState.REJECTED: gettext_noop("rejected by a second clerk"),
    LoadState.WITHDRAWN: gettext_noop("withdrawn"),
    LoadState.ACCEPTED: gettext_noop("being carried out"),
}

LOADS: Mapping[LoadReason, str] = {
    LoadReason.SECOND_CLERK: gettext_noop(
        "These changes rename, merge or end organisations. Nothing was done: a second clerk has to confirm them."
    ),
    LoadReason.OTHER_CLERK: gettext_noop("Only the clerk who sent this can propose it. Send the file yourself."),
    LoadReason.SAME_CLERK: gettext_noop(
        "You proposed this yourself: another clerk has to confirm it, with their own account."
    ),
    LoadReason.SAME_PERSON: gettext_noop(
        "Your account and the account that proposed this belong to the same person. Another clerk has to confirm it."
    ),
    LoadReason.PROPOSER_GONE: gettext_noop(
        "The account that proposed this is no clerk's any more. Reject it; if it is right, send the changes yourself."
    ),
    LoadReason.NOT_PROPOSED: gettext_noop("This does not wait for a second clerk. Its sender has to propose it first."),
    LoadReason.PROPOSED: gettext_noop("This waits for a second clerk already."),
    LoadReason.LAPSED: gettext_noop(
        "No clerk confirmed this within 24 hours. Nothing was done: send the changes anew."
    ),
    LoadReason.REJECTED: gettext_noop("A clerk has rejected this. Nothing was done."),
    LoadReason.WITHDRAWN: gettext_noop("Its proposer has withdrawn this. Nothing was done."),
    LoadReason.ACCEPTED: gettext_noop("This has already been confirmed: its changes are being made, or are done."),
}

SLIPS: Mapping[RowErrorKind, str] = {
    RowErrorKind.ENCODING: gettext_noop("The file is not in UTF-8. Save it as “CSV UTF-8” and send it again."),
    RowErrorKind.SIZE: gettext_noop("The file has more than 5 MB. Split it."),
    RowErrorKind.LINES: gettext_noop("The file has more than 50,000 lines. Split it."),
    RowErrorKind.COLUMNS: gettext_noop(
        "The first line has to name the columns: customer_id, kind, country, name, language and, where needed, "
        "merged_into and ended; each once, separated by semicolons or commas."
    ),
    RowErrorKind.CELLS: gettext_noop(
        "The line has more values, or fewer, than there are columns, or a quotation mark is not closed."
    ),
    RowErrorKind.ID: gettext_noop("This ID cannot be of this kind. Check the ID, its check digit and the kind."),
    RowErrorKind.TWICE: gettext_noop("An earlier line has the same ID. Keep one of them."),
    RowErrorKind.KIND: gettext_noop("Write business-id, vat, foreign, register or artificial."),
    RowErrorKind.OTHER_KIND: gettext_noop("The register has this ID as the kind {known}. Write {known}."),
    RowErrorKind.COUNTRY: gettext_noop("Write the country's two capital letters, such as FI."),
    RowErrorKind.OTHER_COUNTRY: gettext_noop(
        "The register has this organisation in the country {known}. Write {known}."
    ),
    RowErrorKind.NAME: gettext_noop("Write the name in 1 to 100 characters."),
    RowErrorKind.LANGUAGE: gettext_noop("Write fi, sv or en."),
    RowErrorKind.MERGED_UNKNOWN: gettext_noop(
        "Neither the register nor this file has the organisation that it was merged into."
    ),
    RowErrorKind.MERGED_SELF: gettext_noop("An organisation is not merged into itself. Write the ID of the other one."),
    RowErrorKind.MERGED_CLOSED: gettext_noop(
        "The organisation that it was merged into has ended, or ends in this file."
    ),
    RowErrorKind.MERGED_ELSEWHERE: gettext_noop(
        "The register has this organisation as ended in another way. Write it as it stands there."
    ),
    RowErrorKind.ENDED: gettext_noop("Write the day on which it ended as 2026-03-31. It cannot be a day to come."),
    RowErrorKind.CLOSED: gettext_noop("The organisation has ended for good, and does not change any more."),
    RowErrorKind.NOT_THERE: gettext_noop(
        "The register does not have this organisation, so it cannot end or be merged."
    ),
}

SLIPS_UNKNOWN: Mapping[RowErrorKind, str] = {
    RowErrorKind.OTHER_KIND: SLIPS[RowErrorKind.KIND],
    RowErrorKind.OTHER_COUNTRY: SLIPS[RowErrorKind.COUNTRY],
}
"""Texts for files that were compared before the stored values were kept with them."""

BULK: Mapping[BulkErrorReason, str] = {
    BulkErrorReason.OFFICER: gettext_noop(
        "Your account cannot revoke many certificates. Ask whoever runs the service."
    ),
    BulkErrorReason.NOTHING_NAMED: gettext_noop(
        "Say which certificates: by serial numbers, organisation, certification authority or time of issue."
    ),
    BulkErrorReason.UNKNOWN: gettext_noop(
        "Check these: a serial number, the organisation or the certification authority is not in the register."
    ),
    BulkErrorReason.REASON: gettext_noop("This reason is not for organisations' certificates. Choose another."),
    BulkErrorReason.NO_PROPOSAL: gettext_noop(
        "There is no such proposal, or nobody has confirmed it. Look at the list."
    ),
    BulkErrorReason.SAME_OFFICER: gettext_noop(
        "You proposed this yourself: another clerk has to confirm it, with their own account."
    ),
    BulkErrorReason.SAME_PERSON: gettext_noop(
        "Your account and the account that proposed this belong to the same person. Another clerk has to confirm it."
    ),
    BulkErrorReason.PROPOSER_GONE: gettext_noop(
        "The account that proposed this is no clerk's any more. If it is right, propose it anew yourself."
    ),
    BulkErrorReason.EXPIRED: gettext_noop("Nobody confirmed this within 24 hours. Propose it anew."),
    BulkErrorReason.DONE: gettext_noop("This has already been done: nothing is left to confirm."),
    BulkErrorReason.CHANGED: gettext_noop(
        "What would be revoked has changed since it was proposed. Propose it anew, so that what is confirmed is what "
        "is revoked."
    ),
    BulkErrorReason.WITHDRAWN: gettext_noop("Whoever proposed this has withdrawn it."),
    BulkErrorReason.APPROVED: gettext_noop("This has already been confirmed, and a revocation cannot be taken back."),
    BulkErrorReason.OTHER_OFFICER: gettext_noop("Only whoever proposed this can withdraw it."),
    BulkErrorReason.OTHER_DOOR: gettext_noop(
        "This was proposed with a command by those who run the service. Another of them confirms it with a command."
    ),
}
