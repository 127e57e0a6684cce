"""Labels of values from closed lists, on clerks' pages and in applications."""

from collections.abc import Mapping

from sinetti.domain.access.access_purpose import AccessPurpose, SearchScope
from sinetti.domain.certificates.bulk_revocation import BulkErrorReason
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.organisations.applications import ApplicationErrorReason, ApplicationState
from sinetti.domain.organisations.csv_import import ChangeKind, RowErrorKind
from sinetti.domain.organisations.import_confirmation import LoadAct, LoadReason, LoadState
from sinetti.domain.values import Channel, IdentifierType
from sinetti.i18n.pending_invitations import NO_PERSON
from sinetti.i18n.translate import gettext_noop

DECISION_SUBJECT = gettext_noop("Decision of {day} on your application {case}")
DECISION_FOLLOWS = gettext_noop("We have decided your application for the technical interface. This is the decision:")

PURPOSES: Mapping[AccessPurpose, str] = {
    AccessPurpose.APPLICATION: gettext_noop("Application handling"),
    AccessPurpose.REGISTER: gettext_noop("Register maintenance"),
    AccessPurpose.SUPPORT: gettext_noop("User support"),
    AccessPurpose.REVOCATION: gettext_noop("Revocation of certificates"),
    AccessPurpose.INCIDENT: gettext_noop("Incident"),
    AccessPurpose.SUPERVISION: gettext_noop("Supervision"),
}

PLACES: Mapping[SearchScope, str] = {
    SearchScope.APPLICATIONS: gettext_noop("Applications"),
    SearchScope.ORGANISATIONS: gettext_noop("Organisations"),
    SearchScope.INVITATIONS: gettext_noop("Invitations"),
    SearchScope.CERTIFICATES: gettext_noop("Certificates"),
    SearchScope.OUTBOX: gettext_noop("Outbox"),
    SearchScope.AUDIT: gettext_noop("Audit log"),
    SearchScope.REVOCATIONS: gettext_noop("Bulk revocations"),
    SearchScope.EARLY_CALLS: gettext_noop("Calls for early replacement"),
}

MESSAGES: Mapping[MessageKind, str] = {
    MessageKind.TRANSFER_IDS: gettext_noop("link to transfer IDs"),
    MessageKind.PIN: gettext_noop("PIN code"),
    MessageKind.REMINDER: gettext_noop("expiry reminder"),
    MessageKind.TAKE_INTO_USE: gettext_noop("reminder to start using the new certificate"),
    MessageKind.DIGEST: gettext_noop("summary of certificates"),
    MessageKind.FETCHED: gettext_noop("certificate retrieved"),
    MessageKind.RENEWED: gettext_noop("certificate renewed"),
    MessageKind.REFUSED: gettext_noop("requests refused"),
    MessageKind.REVOKED: gettext_noop("certificate revoked"),
    MessageKind.BOUNCED: gettext_noop("unreachable e-mail address"),
    MessageKind.CONTACT_GONE: gettext_noop("contact person missing"),
    MessageKind.CONTACT_CHANGED: gettext_noop("contact person changed"),
    MessageKind.AUTHORISATION: gettext_noop("authorisation"),
    MessageKind.INVITATION_PENDING: gettext_noop("invitation awaiting confirmation"),
    MessageKind.ACCOUNT: gettext_noop("account"),
    MessageKind.EARLY: gettext_noop("call for early replacement"),
    MessageKind.INCIDENT: gettext_noop("security incident"),
    MessageKind.DRILL: gettext_noop("exercise"),
    MessageKind.OPERATOR: gettext_noop("message to the operator"),
}

STATES: Mapping[ApplicationState, str] = {
    ApplicationState.OPEN: gettext_noop("awaiting a decision"),
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
    ApplicationErrorReason.CHANNELS: gettext_noop("Choose at least one channel."),
    ApplicationErrorReason.NOTHING_NEW: gettext_noop(
        "The organisation has already been approved for all of these. You can order certificates."
    ),
    ApplicationErrorReason.PURPOSE: gettext_noop(
        "Describe in at most 1,000 characters what the organisation will use the interface for."
    ),
    ApplicationErrorReason.SOFTWARE: gettext_noop(
        "Enter the name of the software on one line, in at most 200 characters."
    ),
    ApplicationErrorReason.ONE_OPEN: gettext_noop(
        "The organisation already has an application awaiting a decision. To make another one, withdraw it first."
    ),
    ApplicationErrorReason.CLOSED: gettext_noop(
        "The organisation has ended. It can no longer be approved for the technical interface."
    ),
    ApplicationErrorReason.UNKNOWN: gettext_noop("The application was not found. Choose it from the list."),
    ApplicationErrorReason.NOT_OPEN: gettext_noop(
        "This application no longer awaits a decision. Check its current state."
    ),
    ApplicationErrorReason.VERDICT: gettext_noop("Choose a decision."),
    ApplicationErrorReason.REASON: gettext_noop(
        "Give the reasons for the refusal in the applicant's language, in 20 to 2,000 characters. They "
        "are part of the decision."
    ),
    ApplicationErrorReason.APPEAL: gettext_noop(
        "You cannot refuse applications yet, because the settings lack appeal instructions in this "
        "language. Ask the operator to add them (eservice.toml, appeal)."
    ),
    ApplicationErrorReason.OWN: gettext_noop(
        "You have a personal interest in this application. Another clerk must decide it."
    ),
}

CHANGES: Mapping[ChangeKind, str] = {
    ChangeKind.ADD: gettext_noop("new"),
    ChangeKind.CHANGE: gettext_noop("changed"),
    ChangeKind.MERGE: gettext_noop("merged"),
    ChangeKind.END: gettext_noop("ends"),
}

LOAD_ACTS: Mapping[LoadAct, str] = {
    LoadAct.ADD: gettext_noop("Organisations added"),
    LoadAct.RENAME: gettext_noop("Organisations renamed"),
    LoadAct.LANGUAGE: gettext_noop("Organisations with a new language"),
    LoadAct.MERGE: gettext_noop("Organisations merged into another"),
    LoadAct.END: gettext_noop("Organisations ended"),
}

LOAD_STATES: Mapping[LoadState, str] = {
    LoadState.COMPARED: gettext_noop("not started"),
    LoadState.PROPOSED: gettext_noop("awaiting a second clerk"),
    LoadState.LAPSED: gettext_noop("lapsed without confirmation"),
    LoadState.REJECTED: gettext_noop("rejected by a second clerk"),
    LoadState.WITHDRAWN: gettext_noop("withdrawn"),
    LoadState.ACCEPTED: gettext_noop("in progress"),
}

LOADS: Mapping[LoadReason, str] = {
    LoadReason.SECOND_CLERK: gettext_noop(
        "These changes rename, merge or end organisations. Nothing was done. A second clerk must confirm them."
    ),
    LoadReason.OTHER_CLERK: gettext_noop(
        "Only the clerk who sent this file can propose its changes. Send the file yourself."
    ),
    LoadReason.SAME_CLERK: gettext_noop(
        "You proposed this yourself. Another clerk must confirm it with their own account."
    ),
    LoadReason.SAME_PERSON: gettext_noop(
        "Your account and the account that proposed this belong to the same person. Another clerk must confirm it."
    ),
    LoadReason.NO_PERSON: NO_PERSON,
    LoadReason.PROPOSER_GONE: gettext_noop(
        "The account that proposed this no longer belongs to a clerk. Reject the proposal. If it is "
        "correct, send the changes yourself."
    ),
    LoadReason.NOT_PROPOSED: gettext_noop(
        "These changes have not been proposed. Their sender must propose them first."
    ),
    LoadReason.PROPOSED: gettext_noop("This already awaits a second clerk."),
    LoadReason.LAPSED: gettext_noop(
        "No clerk confirmed this within 24 hours. Nothing was done. Send the changes again."
    ),
    LoadReason.REJECTED: gettext_noop("A clerk rejected this proposal. Nothing was done."),
    LoadReason.WITHDRAWN: gettext_noop("The proposer withdrew this proposal. Nothing was done."),
    LoadReason.ACCEPTED: gettext_noop("This has already been confirmed. You can follow its progress here."),
}

SLIPS: Mapping[RowErrorKind, str] = {
    RowErrorKind.ENCODING: gettext_noop("The file is not in UTF-8. Save it as “CSV UTF-8” and send it again."),
    RowErrorKind.SIZE: gettext_noop("The file is larger than 5 MB. Split it."),
    RowErrorKind.LINES: gettext_noop("The file has more than 50,000 lines. Split it."),
    RowErrorKind.COLUMNS: gettext_noop(
        "The first line must name each column once, separated by semicolons or commas: customer_id, kind, "
        "country, name, language and, where needed, merged_into and ended."
    ),
    RowErrorKind.CELLS: gettext_noop(
        "The number of values differs from the number of columns. Check the separators and quotation marks."
    ),
    RowErrorKind.ID: gettext_noop("The ID does not match its type. Check the ID, its check digit and the type (kind)."),
    RowErrorKind.TWICE: gettext_noop("An earlier line has the same ID. Keep only one of them."),
    RowErrorKind.KIND: gettext_noop("Write business-id, vat, foreign, register or artificial."),
    RowErrorKind.OTHER_KIND: gettext_noop("In the register this ID has the type {known}. Write {known}."),
    RowErrorKind.COUNTRY: gettext_noop("Write the country code in two capital letters, for example FI."),
    RowErrorKind.OTHER_COUNTRY: gettext_noop(
        "In the register the country of this organisation is {known}. Write {known}."
    ),
    RowErrorKind.NAME: gettext_noop("Enter a name, 1 to 100 characters."),
    RowErrorKind.LANGUAGE: gettext_noop("Write fi, sv or en."),
    RowErrorKind.MERGED_UNKNOWN: gettext_noop(
        "The organisation named in merged_into is in neither the register nor this file. Check the ID."
    ),
    RowErrorKind.MERGED_SELF: gettext_noop(
        "An organisation cannot be merged into itself. Write the ID of the other organisation."
    ),
    RowErrorKind.MERGED_CLOSED: gettext_noop(
        "The organisation named in merged_into has ended. Write the ID of an active organisation."
    ),
    RowErrorKind.MERGED_ELSEWHERE: gettext_noop(
        "In the register this organisation ended in another way. Write the values of the register."
    ),
    RowErrorKind.ENDED: gettext_noop("Write the end date like this: 2026-03-31. It cannot be in the future."),
    RowErrorKind.CLOSED: gettext_noop("The organisation has ended permanently. It can no longer be changed."),
    RowErrorKind.NOT_THERE: gettext_noop(
        "The organisation is not in the register, so it cannot end or be merged. Check the ID."
    ),
}

SLIPS_UNKNOWN: Mapping[RowErrorKind, str] = {
    RowErrorKind.OTHER_KIND: SLIPS[RowErrorKind.KIND],
    RowErrorKind.OTHER_COUNTRY: SLIPS[RowErrorKind.COUNTRY],
}
"""Texts for files that were compared before the stored values were kept with them."""

BULK: Mapping[BulkErrorReason, str] = {
    BulkErrorReason.OFFICER: gettext_noop("Your account cannot revoke several certificates. Ask the operator."),
    BulkErrorReason.NOTHING_NAMED: gettext_noop(
        "Select the certificates by serial number, organisation, certification authority or time of issue."
    ),
    BulkErrorReason.UNKNOWN: gettext_noop(
        "The register lacks one of these values. Check the serial numbers, the organisation and the "
        "certification authority."
    ),
    BulkErrorReason.REASON: gettext_noop(
        "This reason does not apply to organisations' certificates. Choose another one."
    ),
    BulkErrorReason.NO_PROPOSAL: gettext_noop("There is no confirmed proposal with this ID. Check the list."),
    BulkErrorReason.SAME_OFFICER: gettext_noop(
        "You proposed this yourself. Another clerk must confirm it with their own account."
    ),
    BulkErrorReason.SAME_PERSON: gettext_noop(
        "Your account and the account that proposed this belong to the same person. Another clerk must confirm it."
    ),
    BulkErrorReason.NO_PERSON: NO_PERSON,
    BulkErrorReason.PROPOSER_GONE: gettext_noop(
        "The account that proposed this no longer belongs to a clerk. If the proposal is correct, propose "
        "it again yourself."
    ),
    BulkErrorReason.EXPIRED: gettext_noop("No clerk confirmed this within 24 hours. Propose it again."),
    BulkErrorReason.DONE: gettext_noop("This has already been carried out. There is nothing left to confirm."),
    BulkErrorReason.CHANGED: gettext_noop(
        "The certificates to revoke have changed since the proposal. Propose the revocation again."
    ),
    BulkErrorReason.WITHDRAWN: gettext_noop("The proposer has withdrawn this proposal."),
    BulkErrorReason.APPROVED: gettext_noop("This has already been confirmed. A revocation cannot be undone."),
    BulkErrorReason.OTHER_OFFICER: gettext_noop("Only the proposer can withdraw this."),
    BulkErrorReason.OTHER_DOOR: gettext_noop(
        "An operator proposed this with a command. Another operator must confirm it with a command."
    ),
}
