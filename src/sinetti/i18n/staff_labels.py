"""What clerks' pages and applications say of values of closed lists."""

from collections.abc import Mapping

from sinetti.domain.access.access_purpose import Place, Purpose
from sinetti.domain.certificates.bulk_revocation import BulkReason
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.organisations.applications import ApplicationFault, ApplicationState
from sinetti.domain.organisations.csv_import import ChangeKind, Slip
from sinetti.domain.organisations.import_confirmation import LoadAct, LoadReason, LoadState
from sinetti.domain.values import Channel, CustomerKind
from sinetti.i18n.translate import mark

DECISION_SUBJECT = mark("Decision of {day} on your application {case}")
DECISION_FOLLOWS = mark("An application for the technical interface was decided. This is the decision:")

PURPOSES: Mapping[Purpose, str] = {
    Purpose.APPLICATION: mark("Handling an application"),
    Purpose.REGISTER: mark("Keeping the register up to date"),
    Purpose.SUPPORT: mark("Helping somebody who has asked for help"),
    Purpose.REVOCATION: mark("Revoking certificates"),
    Purpose.INCIDENT: mark("An incident"),
    Purpose.SUPERVISION: mark("Supervision"),
}

PLACES: Mapping[Place, str] = {
    Place.APPLICATIONS: mark("Applications"),
    Place.ORGANISATIONS: mark("Organisations"),
    Place.INVITATIONS: mark("Invitations"),
    Place.CERTIFICATES: mark("Certificates"),
    Place.OUTBOX: mark("Outbox"),
    Place.AUDIT: mark("Audit trail"),
    Place.REVOCATIONS: mark("Revocations of many"),
}

MESSAGES: Mapping[MessageKind, str] = {
    MessageKind.TRANSFER_IDS: mark("link to transfer IDs"),
    MessageKind.PIN: mark("PIN code"),
    MessageKind.REMINDER: mark("reminder of an end"),
    MessageKind.TAKE_INTO_USE: mark("reminder to take the new certificate into use"),
    MessageKind.DIGEST: mark("summary of certificates"),
    MessageKind.FETCHED: mark("certificate retrieved"),
    MessageKind.RENEWED: mark("certificate renewed"),
    MessageKind.REFUSED: mark("requests refused"),
    MessageKind.REVOKED: mark("certificate revoked"),
    MessageKind.BOUNCED: mark("address that mail does not reach"),
    MessageKind.CONTACT_GONE: mark("contact person gone"),
    MessageKind.CONTACT_CHANGED: mark("contact person changed"),
    MessageKind.AUTHORISATION: mark("authorisation"),
    MessageKind.INVITATION_PENDING: mark("invitation that waits for a confirmation"),
    MessageKind.ACCOUNT: mark("account"),
    MessageKind.OPERATOR: mark("to those who run the service"),
}

STATES: Mapping[ApplicationState, str] = {
    ApplicationState.OPEN: mark("waits for a decision"),
    ApplicationState.APPROVED: mark("approved"),
    ApplicationState.REFUSED: mark("refused by decision"),
    ApplicationState.WITHDRAWN: mark("withdrawn"),
}

CHANNELS: Mapping[Channel, str] = {
    Channel.WS: mark("Web service (WS)"),
    Channel.SFTP: mark("File transfer (SFTP)"),
}

KINDS: Mapping[CustomerKind, str] = {
    CustomerKind.BUSINESS_ID: mark("Business ID"),
    CustomerKind.VAT: mark("VAT number"),
    CustomerKind.FOREIGN: mark("Foreign ID"),
    CustomerKind.REGISTER: mark("ID in another register"),
    CustomerKind.ARTIFICIAL: mark("Artificial ID (for testing)"),
}

FAULTS: Mapping[ApplicationFault, str] = {
    ApplicationFault.CHANNELS: mark("Choose at least one way of delivering."),
    ApplicationFault.NOTHING_NEW: mark(
        "The organisation has already been approved for all of these. Order certificates."
    ),
    ApplicationFault.PURPOSE: mark(
        "Say in at most 1,000 characters what the organisation would use the interface for."
    ),
    ApplicationFault.SOFTWARE: mark("Write the name of the software in at most 200 characters, on one line."),
    ApplicationFault.ONE_OPEN: mark(
        "The organisation has an application that waits for a decision. Withdraw it first if you want to make another."
    ),
    ApplicationFault.CLOSED: mark("The organisation has ended: nothing more is approved for it."),
    ApplicationFault.UNKNOWN: mark("There is no such application. Choose it again from the list."),
    ApplicationFault.NOT_OPEN: mark(
        "This application does not wait for a decision any more: somebody has decided or withdrawn it meanwhile."
    ),
    ApplicationFault.VERDICT: mark("Choose what is decided."),
    ApplicationFault.REASON: mark(
        "Give the reason of a refusal in the applicant's language, in 20 to 2,000 characters: it stands in the "
        "decision."
    ),
    ApplicationFault.APPEAL: mark(
        "No application can be refused yet: the settings do not say in this language how to appeal."
        " Ask whoever runs the service to write it there (eservice.toml, appeal)."
    ),
    ApplicationFault.OWN: mark(
        "You have an authorisation for this organisation yourself, or you applied for it: another clerk decides on its "
        "application."
    ),
}

CHANGES: Mapping[ChangeKind, str] = {
    ChangeKind.ADD: mark("new"),
    ChangeKind.CHANGE: mark("is changed"),
    ChangeKind.MERGE: mark("is merged"),
    ChangeKind.END: mark("ends"),
}

LOAD_ACTS: Mapping[LoadAct, str] = {
    LoadAct.ADD: mark("Organisations added"),
    LoadAct.RENAME: mark("Organisations renamed"),
    LoadAct.LANGUAGE: mark("Languages changed"),
    LoadAct.MERGE: mark("Organisations merged into another"),
    LoadAct.END: mark("Organisations ended"),
}

LOAD_STATES: Mapping[LoadState, str] = {
    LoadState.COMPARED: mark("not proposed or carried out yet"),
    LoadState.PROPOSED: mark("waits for a second clerk"),
    LoadState.LAPSED: mark("lapsed without a confirmation"),
    LoadState.REJECTED: mark("rejected by a second clerk"),
    LoadState.WITHDRAWN: mark("withdrawn"),
    LoadState.ACCEPTED: mark("being carried out"),
}

LOADS: Mapping[LoadReason, str] = {
    LoadReason.SECOND_CLERK: mark(
        "These changes rename, merge or end organisations. Nothing was done: a second clerk has to confirm them."
    ),
    LoadReason.OTHER_CLERK: mark("Only the clerk who sent this can propose it. Send the file yourself."),
    LoadReason.SAME_CLERK: mark("You proposed this yourself: another clerk has to confirm it, with their own account."),
    LoadReason.SAME_PERSON: mark(
        "Your account and the account that proposed this belong to the same person. Another clerk has to confirm it."
    ),
    LoadReason.PROPOSER_GONE: mark(
        "The account that proposed this is no clerk's any more. Reject it; if it is right, send the changes yourself."
    ),
    LoadReason.NOT_PROPOSED: mark("This does not wait for a second clerk. Its sender has to propose it first."),
    LoadReason.PROPOSED: mark("This waits for a second clerk already."),
    LoadReason.LAPSED: mark("No clerk confirmed this within 24 hours. Nothing was done: send the changes anew."),
    LoadReason.REJECTED: mark("A clerk has rejected this. Nothing was done."),
    LoadReason.WITHDRAWN: mark("Its proposer has withdrawn this. Nothing was done."),
    LoadReason.ACCEPTED: mark("This has already been confirmed: its changes are being made, or are done."),
}

SLIPS: Mapping[Slip, str] = {
    Slip.ENCODING: mark("The file is not in UTF-8. Save it as “CSV UTF-8” and send it again."),
    Slip.SIZE: mark("The file has more than 5 MB. Split it."),
    Slip.LINES: mark("The file has more than 50,000 lines. Split it."),
    Slip.COLUMNS: mark(
        "The first line has to name the columns: customer_id, kind, country, name, language and, where needed, "
        "merged_into and ended; each once, separated by semicolons or commas."
    ),
    Slip.CELLS: mark("The line has more values, or fewer, than there are columns, or a quotation mark is not closed."),
    Slip.ID: mark("This ID cannot be of this kind. Check the ID, its check digit and the kind."),
    Slip.TWICE: mark("An earlier line has the same ID. Keep one of them."),
    Slip.KIND: mark("Write business-id, vat, foreign, register or artificial."),
    Slip.OTHER_KIND: mark("The register has this ID as the kind {known}. Write {known}."),
    Slip.COUNTRY: mark("Write the country's two capital letters, such as FI."),
    Slip.OTHER_COUNTRY: mark("The register has this organisation in the country {known}. Write {known}."),
    Slip.NAME: mark("Write the name in 1 to 100 characters."),
    Slip.LANGUAGE: mark("Write fi, sv or en."),
    Slip.MERGED_UNKNOWN: mark("Neither the register nor this file has the organisation that it was merged into."),
    Slip.MERGED_SELF: mark("An organisation is not merged into itself. Write the ID of the other one."),
    Slip.MERGED_CLOSED: mark("The organisation that it was merged into has ended, or ends in this file."),
    Slip.MERGED_ELSEWHERE: mark(
        "The register has this organisation as ended in another way. Write it as it stands there."
    ),
    Slip.ENDED: mark("Write the day on which it ended as 2026-03-31. It cannot be a day to come."),
    Slip.CLOSED: mark("The organisation has ended for good, and does not change any more."),
    Slip.NOT_THERE: mark("The register does not have this organisation, so it cannot end or be merged."),
}

SLIPS_UNKNOWN: Mapping[Slip, str] = {Slip.OTHER_KIND: SLIPS[Slip.KIND], Slip.OTHER_COUNTRY: SLIPS[Slip.COUNTRY]}
"""Of files that were compared before what the register knows was kept with them."""

BULK: Mapping[BulkReason, str] = {
    BulkReason.OFFICER: mark("Your account cannot revoke many certificates. Ask whoever runs the service."),
    BulkReason.NOTHING_NAMED: mark(
        "Say which certificates: by serial numbers, organisation, certification authority or time of issue."
    ),
    BulkReason.UNKNOWN: mark(
        "Check these: a serial number, the organisation or the certification authority is not in the register."
    ),
    BulkReason.REASON: mark("This reason is not for organisations' certificates. Choose another."),
    BulkReason.NO_PROPOSAL: mark("There is no such proposal, or nobody has confirmed it. Look at the list."),
    BulkReason.SAME_OFFICER: mark(
        "You proposed this yourself: another clerk has to confirm it, with their own account."
    ),
    BulkReason.SAME_PERSON: mark(
        "Your account and the account that proposed this belong to the same person. Another clerk has to confirm it."
    ),
    BulkReason.PROPOSER_GONE: mark(
        "The account that proposed this is no clerk's any more. If it is right, propose it anew yourself."
    ),
    BulkReason.EXPIRED: mark("Nobody confirmed this within 24 hours. Propose it anew."),
    BulkReason.DONE: mark("This has already been done: nothing is left to confirm."),
    BulkReason.CHANGED: mark(
        "What would be revoked has changed since it was proposed. Propose it anew, so that what is confirmed is what "
        "is revoked."
    ),
    BulkReason.WITHDRAWN: mark("Whoever proposed this has withdrawn it."),
    BulkReason.APPROVED: mark("This has already been confirmed, and a revocation cannot be taken back."),
    BulkReason.OTHER_OFFICER: mark("Only whoever proposed this can withdraw it."),
    BulkReason.OTHER_DOOR: mark(
        "This was proposed with a command by those who run the service. Another of them confirms it with a command."
    ),
}
