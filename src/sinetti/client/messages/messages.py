"""Message ids of the client, in English; the catalogues translate them.

A message says what happened and what to do next. It travels as an id with its values, and becomes text when printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sinetti.domain.validation import make_visible
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop, ngettext_noop

ENROLLED = gettext_noop(
    "{name}: certificate {serial} is installed and valid until {until}. The key and the certificate are in {folder}."
)
RENEWED = gettext_noop(
    "{name}: renewed. The new certificate {serial} is in {folder} and valid until {until}. The old one "
    "stays valid until it expires. Make your programs load the new one now."
)
RENEW_FROM = gettext_noop(
    "It can be renewed from {at}. Run “sinetti run” daily. It contacts the service only when renewal is due."
)
RENEW_FROM_HOURLY = gettext_noop(
    "It can be renewed from {at}. Run “sinetti run” hourly, since its life is short. It contacts the service only when "
    "renewal is due."
)
DONE_BEFORE = gettext_noop(
    "{name}: these transfer IDs were already used for certificate {serial}, valid until {until}. No action needed."
)
NOT_DUE = gettext_noop("{name}: no action needed. The certificate can be renewed from {at} and is valid until {until}.")
NOTHING_TO_FETCH = gettext_noop("{name}: there is no certificate to retrieve.")
WAITING = gettext_noop("The certificate is not ready yet. Trying again in {seconds} seconds …")
WAITING_ONE = gettext_noop("The certificate is not ready yet. Trying again in 1 second …")
NOT_READY_IN_TIME = gettext_noop(
    "The certificate was not ready in time. Nothing is lost. Run the same command or “sinetti retrieve” later."
)
NO_ANSWER_YET = gettext_noop("Waiting for the service …")
SERVICE_SAID = gettext_noop("The service answered {code}: {text}")
RUN_AGAIN_NOTHING_SENT = gettext_noop("Nothing was sent. Run the same command again.")
RUN_AGAIN_SAME_KEY = gettext_noop("Run the same command again. It sends the same request with the same key.")
CORRECT_NOTHING_DONE = gettext_noop("Nothing was sent. Fix this, then run the command again.")
CORRECT_SAME_KEY = gettext_noop("Fix this, then run the command again. It sends the same request with the same key.")
RUN_AGAIN_TO_FETCH = gettext_noop(
    "The request was accepted, but the certificate could not be retrieved. Run “sinetti retrieve” later."
)
CORRECT_TO_FETCH = gettext_noop(
    "The request was accepted, but the certificate could not be retrieved. Fix this, then run the same command again."
)
MAY_BE_SPENT = gettext_noop(
    "The outcome of the request is not known. The key is kept. Run the same command once more. If the "
    "answer does not change, contact the service's support or order a new certificate."
)
KEY_LOST = gettext_noop(
    "If you have lost the key of that request, order a replacement and have the lost certificate revoked."
)
OTHER_KEY = gettext_noop("Run “sinetti enrol” again with a key type that the service accepts (--key rsa-2048).")
OTHER_KEY_KEPT = gettext_noop(
    'Write a key type that the service accepts in {path} (key = "rsa-2048"), then run the same command again.'
)
SEND_FIRST = gettext_noop("{name}: a request is pending. Run “sinetti {command}” to send the same request again.")
SET_ASIDE = gettext_noop("An earlier request with an unknown outcome was set aside. Its key is kept in {folder}.")
EARLIER_FIRST = gettext_noop("An earlier request is completed first. The new transfer IDs were not used.")
NOT_REACHED = gettext_noop(
    "Cannot connect to {host} on port {port}: {why}. Check the address (--service, or sinetti.toml). It "
    "ends with /2017/10/CertificateServices. On a test bench, use soap_url unchanged."
)
TLS_NOT_TRUSTED = gettext_noop(
    "The server certificate of {host} is not trusted: {why}. Check the address. If the service uses its "
    "own CA, name its CA file with --tls-ca."
)
SPEAKS_TLS = gettext_noop(
    "{host} uses TLS on port {port} and accepts no requests without it. Begin the address with https://."
)
ANSWER_LOST = gettext_noop("The request was sent, but no answer arrived: {why}.")
ANSWER_LOST_PLAIN = gettext_noop(
    "The request was sent, but no answer arrived: {why}. If the service uses TLS, begin the address with https://."
)
REDIRECTED = gettext_noop("The service redirects to another address. Redirects are not followed. Check the address.")
HTTP_STATUS = gettext_noop("The service answered with HTTP status {status} instead of a signed answer.")
WRONG_ADDRESS = gettext_noop(
    "This address is not a certificate service (HTTP status {status}). Check the address (--service, or "
    "sinetti.toml). It ends with /2017/10/CertificateServices. On a test bench, use soap_url unchanged."
)
ANSWER_TOO_LONG = gettext_noop("The answer is too long to be from the certificate service. It was not read.")
ANSWER_NOT_TRUSTED = gettext_noop(
    "The answer is not trusted, because its signer's certificate was not issued by a CA in "
    "--trust-services. Check that --trust-services (or trust_services in sinetti.toml) names the CA file "
    "of this service."
)
ANSWER_INVALID = gettext_noop("The signature of the answer is not valid: {why}.")
ANSWER_UNREADABLE = gettext_noop(
    "The answer cannot be read: {why}. Check the address (--service, or sinetti.toml). It ends with "
    "/2017/10/CertificateServices. On a test bench, use soap_url unchanged."
)
VALID_FROM = gettext_noop(
    "{what} is valid only from {at}, but the clock here says {now}. Set the clock. On a test bench, use --now."
)
VALID_UNTIL = gettext_noop(
    "{what} was valid only until {at}, but the clock here says {now}. Set the clock. On a test bench, use --now."
)
THE_SIGNERS = gettext_noop("The signer's certificate")
THE_SIGNERS_CA = gettext_noop("The certificate of the CA that issued the signer's certificate")
THE_NEW_ONE = gettext_noop("The retrieved certificate")
THE_NEW_ONES_CA = gettext_noop("The certificate of the CA that issued the retrieved certificate")
SOAP_FAULT = gettext_noop("The service answered with a SOAP Fault instead of a signed answer: {text}")
NOT_OUR_KEY = gettext_noop("The retrieved certificate does not belong to this key.")
NOT_OUR_CUSTOMER = gettext_noop("The retrieved certificate does not belong to the customer ID {customer_id}.")
NOT_OUR_ISSUER = gettext_noop("The retrieved certificate was not issued by a CA in --trust-holders.")
NOT_FOR_HOLDERS = gettext_noop(
    "The retrieved certificate is not an organisation's certificate. It was issued for another purpose."
)
CERTIFICATE_UNREADABLE = gettext_noop("The retrieved certificate cannot be read: {why}.")
OTHER_TRUST = gettext_noop(
    "The certificate was not put into use, and its key is kept. If --trust-holders named the wrong file, "
    "run “sinetti enrol” again with the right one. Otherwise contact the service's support."
)
OTHER_TRUST_KEPT = gettext_noop(
    "The certificate was not put into use, and its key is kept. If the service has new CAs for holders, "
    "add them to {path} (trust_holders), then run the same command again. Otherwise contact its support."
)
KEY_MADE_BEFORE = gettext_noop(
    "A request with a key of type {made} is pending and continues. --key {wanted} was not used."
)
SENDS_AGAIN = gettext_noop(
    "The certificate was not put into use. Run “sinetti {command}” again. It sends the same request with the same key."
)
ID_MAY_BE_ANOTHERS = gettext_noop(
    "The retrieval ID may belong to another request. Run “sinetti {command}” again. It sends the same "
    "request with the same key."
)
CERTIFICATE_NOT_TAKEN = gettext_noop(
    "The certificate was not put into use. Run “sinetti retrieve” again. If the result is the same, "
    "contact the service's support."
)
STORE_LOCKED = gettext_noop(
    "{name}: another command is using this name. Wait until it has finished, then run the command again."
)
STORE_DAMAGED = gettext_noop(
    "The store is damaged: {path}: {why}. Restore the file from a backup. “sinetti doctor” shows other ways."
)
DAMAGED_FILE = gettext_noop("The store is damaged: {path}: {why}.")
LOST_SETTINGS = gettext_noop(
    "Restore the file from a backup. Or move {folder} out of the store and run “sinetti adopt {name}” with its key and "
    "certificate."
)
LOST_SET = gettext_noop(
    "Restore it from a backup. Or order a replacement and run “sinetti enrol {name}” with its transfer IDs."
)
LOST_SET_OLDER = gettext_noop(
    "Restore it from a backup, or return to the former certificate {serial}, valid until {until}. Run: ln -sfn "
    "generations/{serial} {live}"
)
NAME_MISSING = gettext_noop(
    "{folder} is missing. If this certificate is only planned, write “enrolled = false” in its table."
)
NAME_LOST = gettext_noop("{folder} is missing. It had the certificate {serial}.")
MISSING_STEP = gettext_noop(
    "Mount its disk or restore it from a backup. Or order a certificate and run “sinetti enrol {name}” with its "
    "transfer IDs."
)
LOST_REQUEST = gettext_noop("Restore the file from a backup. Or move {folder} out of the store and start again.")
LOST_NOTES = gettext_noop(
    "Restore the file from a backup. Or delete it. The client then learns at the next renewal whether the certificate "
    "is revoked."
)
TOKEN_KEY_GONE = gettext_noop("The key of the certificate cannot be used: {why}.")
TOKEN_KEY_STEP = gettext_noop(
    "Make the token available again. If its key is lost, order a replacement and run “sinetti enrol {name}” with its "
    "transfer IDs."
)
WITH_STEP = gettext_noop("{what} {step}")
STORE_UNUSABLE = gettext_noop("The store cannot be used: {path}: {why}. Fix this, then run the same command again.")
OPEN_SECRET = gettext_noop(
    "{path} contains a password, and other users of this computer can read it. Nothing was changed. Run: "
    "chmod 600 {path}"
)
FOREIGN_SECRET = gettext_noop(
    "{path} contains a password, but it belongs to {owner}, who can read and change it. Nothing was "
    "changed. Put the password in a file of your own with mode 600."
)
NO_STORE = gettext_noop("There is no store in {store}. Name the folder with --store.")
UNKNOWN_NAME = gettext_noop("{store} has no name {name}. Run “sinetti status” to list the names.")
BAD_NAME = gettext_noop("“{name}” is not a valid name. Use at most 64 letters, digits, dots, hyphens and underscores.")
NOT_ENROLLED = gettext_noop("{name} has no certificate. Order one and run “sinetti enrol”.")
ONLY_ASKED_FOR = gettext_noop(
    "{name}: there is no certificate to renew yet. Run “sinetti enrol” again, or “sinetti remove {name}” "
    "if you do not need it."
)
ONLY_OPEN = gettext_noop(
    "{name}: there is no certificate to renew yet. The first request is pending. Run “sinetti enrol” "
    "again. The key of the request is kept in {folder}."
)
OTHER_HOLDER = gettext_noop(
    "{name} already has a certificate of {customer_id} in {environment}. Choose another name for this one."
)
RESERVED_NAME = gettext_noop("“{name}” cannot be a name, because “sinetti log {name}” is a command. Choose another.")
NAME_OR_ALL = gettext_noop("Give a NAME or --all.")
BAD_OPTION = gettext_noop("{option}: the value is empty, too long, or contains characters that are not allowed.")
BAD_SETTING = gettext_noop("This cannot be used: {why}.")
BAD_INSTANT = gettext_noop("“{text}” is not a time. Write it like 2027-05-02T11:03:00Z.")
BAD_SECONDS = gettext_noop("“{text}” is not a number of seconds from 0 to {most}")
UNREADABLE_FILE = gettext_noop("{path} cannot be read: {why}.")
UNWRITABLE_FILE = gettext_noop("{path} cannot be written: {why}.")
OUT_IN_STORE = gettext_noop(
    "{path} is inside the store {store}, which contains keys. Nothing was written. Choose a place outside "
    "the store with --out."
)
EMPTY_PASSWORD = gettext_noop("{path} contains no one-time password.")
NOW_IS_FOR_BENCHES = gettext_noop(
    "Warning: --now {at} is used instead of this computer's clock. Use --now only with test benches."
)
NOW_NOT_IN_PRODUCTION = gettext_noop(
    "{name}: --now is only for test benches and cannot be used in PRODUCTION. Run the command without --now."
)
NOW_PASSES_BY = gettext_noop(
    "Warning: --now is only for test benches. These names belong to PRODUCTION and use this computer's clock: {names}."
)
OUR_FAULT = gettext_noop("This is an error in the program: {why}. Run the same command again. Saved data is not lost.")
OUTPUT_LOST = gettext_noop("The output cannot be written: {why}.")
INTERRUPTED = gettext_noop("Interrupted. Run the same command again. It continues where it stopped.")
NEEDS_EXTRA = gettext_noop(
    "“sinetti {command}” needs the extra sinetti[authority]: install the Debian package sinetti-authority, or run "
    "pip install '.[authority]' in a clone of this repository"
)
NEEDS_GATEWAY_EXTRA = gettext_noop(
    "“sinetti gateway serve” needs an HTTP server: install the Debian package sinetti-gateway, or run pip install "
    "'.[gateway]' in a clone of this repository"
)
METRICS_NEED_EXTRA = gettext_noop(
    "“--metrics-bind” needs prometheus-client: run pip install '.[gateway]' in a clone of this repository"
)
METRICS_ADDRESS = gettext_noop("--metrics-bind: “{value}” is not an address such as 127.0.0.1:9465")
ABOUT_NAME = gettext_noop("{name}: {message}")
STORE_EMPTY = gettext_noop("The store is empty.")
RUN_LOCKED = gettext_noop(
    "Another command is using {store}: process {pid} on {host}, started by {user} at {since}. Wait until "
    "it has finished."
)
TRUST_EXTENDED = gettext_noop(
    "{service}: the list of trusted CAs has changed. Names that use the new one: {count}. No action needed."
)
RUN_STOPPED = gettext_noop(
    "{name}: stopped before the end. Nothing is lost. The next run continues where this one stopped."
)
BEFORE_HOLDS_BACK = gettext_noop("{name}: the renewal is postponed, because the “before” hook failed.")
SAME_CERTIFICATE = gettext_noop(
    "{name} has the same certificate as {other}, which renews it. A certificate can be renewed only once. "
    "Keep one of the two names, and remove the other with “sinetti remove”."
)
ORDER_REPLACEMENT = gettext_noop(
    "{name}: certificate {serial} can no longer be renewed, because {why}. Order a replacement and run "
    "“sinetti enrol” with its transfer IDs."
)
RENEWED_ELSEWHERE = gettext_noop(
    "Certificate {serial} was renewed with another key. If you did not renew it, ask the organisation's representative "
    "to revoke both immediately. Otherwise retrieve the renewed one, or order a new one and run “sinetti enrol” with "
    "its transfer IDs."
)
CLOCK_AHEAD = gettext_noop(
    "Certificate {serial} has expired by this computer's clock, but not by the service's clock. Set the clock. No "
    "replacement is needed."
)
NEVER_EXPIRED = gettext_noop("it expired on {at}")
NEVER_REVOKED = gettext_noop("it is revoked")
NEVER_REFUSED = gettext_noop("the service refused it permanently ({codes})")
RUN_SUMMARY = ngettext_noop(
    "{count} certificate: {well} up to date, {renewed} renewed, {left} pending.",
    "{count} certificates: {well} up to date, {renewed} renewed, {left} pending.",
)
RUN_NEEDS_ACTION = ngettext_noop("{count} certificate needs action.", "{count} certificates need action.")
RUN_LEFT = gettext_noop("Run “sinetti status” to see what is pending and what to do.")
RUN_NEXT = gettext_noop("Next action: {at}.")
WOULD_RENEW = gettext_noop("{name}: would be renewed now.")
WOULD_GO_ON = gettext_noop("{name}: the pending work would continue.")
WAITS_PLANNED = gettext_noop("{name}: renewal is planned for {at}.")
WAITS_MAINTENANCE = gettext_noop("{name}: waiting for the maintenance window on {at}.")
WAITS_AFTER_FAILURE = gettext_noop("{name}: the last attempt failed. The next attempt is on {at}.")
BAD_EVERY = gettext_noop("--every {text}: give a time from 1m to 7d, such as 1h.")
STOPPING = gettext_noop("Stopping. Work in progress is brought to a safe point first …")
STOPPING_TYPED = gettext_noop(
    "Stopping. Work in progress is brought to a safe point first. To end at once, press Ctrl-C again. The next run "
    "continues."
)

STATE_PENDING = gettext_noop("pending")
STATE_NOT_SENT = gettext_noop("the request has not been sent")
STATE_REFUSED = gettext_noop("refused")
STATE_REFUSED_WITH = gettext_noop("refused ({codes})")
STATE_VALID = gettext_noop("valid")
STATE_NOT_YET = gettext_noop("valid only from {at}")
STATE_RENEWAL_OPEN = gettext_noop("valid, can be renewed")
STATE_EXPIRED = gettext_noop("expired")
STATE_REVOKED = gettext_noop("revoked")
STATE_UNCERTAIN = gettext_noop("uncertain")
STATE_DAMAGED = gettext_noop("damaged")
STATE_MISSING = gettext_noop("missing")
STATE_NOT_ENROLLED = gettext_noop("not in the store yet")
METRICS_OF_ALL = gettext_noop("--prometheus writes the metrics of all names. Leave out NAME.")
NOTHING_FOR_A_PERSON = gettext_noop("No action needed.")
NO_TERMINAL = gettext_noop("There is no terminal to confirm on, so nothing was changed. Confirm with --yes.")
TYPE_THE_NAME = gettext_noop("To revoke the certificate, type its name ({name}):")
NOT_CONFIRMED = gettext_noop("The name does not match. Nothing was changed.")
DOCTOR_WELL = gettext_noop("No problems found.")
DOCTOR_WARNED = gettext_noop("Warnings: {number}. The lines say what to do next.")
DOCTOR_WRONG = gettext_noop("Problems found: {number}. The lines say what to do next.")
LOG_EMPTY = gettext_noop("The log has no entries for {name}.")

EMPTY_SECRET = gettext_noop("{path} is empty. Its first line must be the password.")
THE_CERTIFICATE = gettext_noop("The certificate")
THE_CERTIFICATES_CA = gettext_noop("The certificate of the CA that issued it")


@dataclass(frozen=True)
class Message:
    """Message id with its values.

    An instant among the values is shown as date and time in Finland.
    """

    text: str
    values: Mapping[str, "Value"] = field(default_factory=dict)
    more: str | None = None
    """The plural form; then `count` among the values selects the form."""


Value = str | int | datetime | Message


def make_message(message_id: str, **values: Value) -> Message:
    """Make a message from its id and values."""
    return Message(message_id, values)


class MessageError(Exception):
    """Error with the message to print."""

    def __init__(self, message: Message | str, /, **values: Value) -> None:
        """Store the message to print, or the one of an id and its values."""
        self.message = make_message(message, **values) if isinstance(message, str) else message
        super().__init__(self.message.text)


def make_plural_message(forms: tuple[str, str], count: int, **values: Value) -> Message:
    """Make a message about a count; `forms` as ngettext_noop returns them."""
    text, more = forms
    return Message(text, {"count": count, **values}, more)


def render(message: Message, language: Language) -> str:
    """Return the text of a message in one language."""
    rendered = {name: _render_value(value, language) for name, value in message.values.items()}
    if message.more is not None:
        count = int(rendered.pop("count"))
        return translate.translate_plural(message.text, message.more, count, language, **rendered)
    return translate.translate(message.text, language, **rendered)


def strip_control_chars(foreign: str) -> str:
    """Return a foreign text, trimmed, that cannot control a terminal.

    Invisible characters are shown as code points.
    """
    return make_visible(foreign).strip()


def _render_value(value: Value, language: Language) -> str:
    if isinstance(value, Message):
        return render(value, language)
    # A value (a name in sinetti.toml, a path, a service's word) must not control the terminal or add lines.
    return (
        translate.format_datetime(value, language) if isinstance(value, datetime) else strip_control_chars(str(value))
    )


SECRET_UNREADABLE = gettext_noop(
    "The password in {path} cannot be read: {why}. Restore the file, then run the command again."
)
SECRET_EMPTY = gettext_noop(
    "{path} contains no password. Write the password in it on one line, then run the command again."
)
NO_PKCS12_PASSWORD = gettext_noop(
    "{path} does not contain a password for a PKCS#12 file. Save the password as one line of UTF-8 "
    "without a byte order mark (BOM), then run the command again."
)
SECRET_TOO_LONG = gettext_noop(
    "{path}: this password is too long for encrypting keys. Write one of at most {most} bytes, then run "
    "the command again."
)
NO_KEY_PASSWORD = gettext_noop(
    "{path} is encrypted, but its password file is not known. Set key_password_file in the name's table "
    "of sinetti.toml or in {settings}."
)
WRONG_KEY_PASSWORD = gettext_noop(
    "{path} is not encrypted with the password in key_password_file. Put the right password into that file."
)
UNKNOWN_OWNER = gettext_noop(
    "The files of {name} should belong to {owner}, but this system has no such user or group. Create it, "
    "or change owner and group in sinetti.toml. Nothing is lost meanwhile."
)
OWNER_NOT_GIVEN = gettext_noop(
    "The files of {name} cannot be given to {owner}: {why}. Run the command as root, or remove owner and "
    "group from sinetti.toml. Nothing is lost meanwhile."
)
PROXY_UNREADABLE = gettext_noop(
    "The proxy address in https_proxy or in the system's settings cannot be read. Write it like "
    "http://proxy.example:3128. Percent-encode characters such as @ : / # in a user name or password (RFC "
    "3986)."
)
NEEDS_PKCS11_EXTRA = gettext_noop(
    "Keys in a PKCS#11 token need an extra package: run pip install '.[pkcs11]' in a clone of this repository"
)
TOKEN_UNUSABLE = gettext_noop("{name}: {why}. Fix this, then run the command again. Nothing is lost.")
TOKEN_KEY_TAKEN_UP = gettext_noop(
    "{name}: the token contains a key (ID {key_id}) that an interrupted command created and that is not "
    "in use yet. It is used now."
)
TOKEN_KEY_LEFT = gettext_noop(
    "{name}: the token {token} contains a key (ID {key_id}) that is not used here. To delete it, run: {command}"
)
HOOK_DONE = gettext_noop("{name}: the {stage} hook has run.")
HOOK_FAILED = gettext_noop("{name}: the {stage} hook failed: {why}. Its output is in {log}.")
NO_HOOK = gettext_noop("{name} has no hook for: {stages}. Add one to sinetti.toml, or name that file with --config.")
NO_HOOKS = gettext_noop(
    "No hook was run. No name in {store} has one for: {stages}. Add one to sinetti.toml, or name that file with "
    "--config."
)
HOOKS_TESTED = gettext_noop("This was a test with the certificates in use. Nothing was marked as done.")
HOOK_EXIT = gettext_noop("it exited with code {code}")
HOOK_SIGNAL = gettext_noop("it was stopped by signal {signal}")
HOOK_TIMEOUT = gettext_noop("it did not finish within {seconds} s and was stopped")
HOOK_OPEN = gettext_noop("it was not run, because every user can change {path}; run chmod o-w {path}")
HOOK_NOT_STARTED = gettext_noop("{program} could not be started ({why})")
DEPLOYED = gettext_noop("{name}: certificate {serial} was put into use.")
DEPLOY_AGAIN = gettext_noop(
    "{name}: certificate {serial} is in {folder}, but it was not put into use. The next attempt is after "
    "{at}. Nothing is lost, and the previous certificate is kept."
)
CLOCK_BEHIND = ngettext_noop(
    "This computer's clock says {now}, but {count} certificate in use is not valid yet. Set the clock. "
    "Until then, renewals are late.",
    "This computer's clock says {now}, but {count} certificates in use are not valid yet. Set the clock. "
    "Until then, renewals are late.",
)
SAME_FOR_MORE = ngettext_noop(
    "The same applies to {count} more name: {message}", "The same applies to {count} more names: {message}"
)
METRICS_IN_STORE = gettext_noop(
    "{path} is inside the store {store}, which contains keys. No metrics were written. Choose a file outside the store."
)
EXPORT_NO_NAME = gettext_noop("{name} has no certificate {serial}. The certificates in the store are {kept}.")
EXPORT_NO_KEY_IN_DER = gettext_noop(
    "A DER file has room for one item, so it cannot contain both the certificate and the key. Use "
    "--format pem or pkcs12."
)
EXPORT_KEY_IN_TOKEN = gettext_noop("{name}: the key is in a token and cannot leave it. Use --without-key.")
EXPORT_NEEDS_PASSWORD = gettext_noop("Use --password-file FILE. A {format} file is protected with a password.")
EXPORT_KEPT_ENCRYPTED = gettext_noop(
    "{name}: the key is stored encrypted and is exported only with a password. Use --password-file FILE "
    "with a password for the copy."
)
EXPORT_JKS_WITH_KEY = gettext_noop(
    "A JKS file contains the private key: add --with-key. For the certificate alone, use the format pem or der."
)
EXPORT_PASSWORD_OF_NOTHING = gettext_noop(
    "--password-file has no effect here, because the file contains no key and is not PKCS#12."
)
EXPORTED = gettext_noop("{name}: certificate {serial} was written to {path} without its key.")
EXPORTED_WITH_KEY = gettext_noop(
    "{name}: certificate {serial} and its key were written to {path}. Anyone with this file has the key. "
    "Delete the file when you have imported it."
)

OTHERS_CERTIFICATE = gettext_noop(
    "The certificate in use does not belong to the customer ID {customer_id} in {path}. If that ID is "
    "wrong, correct it there."
)
REPAIRED = gettext_noop("{name}: repaired {what}. Certificate {serial} is in use as before.")
WOULD_REPAIR = gettext_noop("{name}: {what} would be repaired now.")
REPAIRED_LINK = gettext_noop("the link “live”")
REPAIRED_CHAIN = gettext_noop("the certificate chain")
REPAIRED_CERTIFICATE = gettext_noop("the format of certificate.pem")
REPAIRED_RECORD = gettext_noop("the agent's record of its attempts")
REPAIRED_SEVERAL = gettext_noop("several files")
RECORD_REPAIRED = gettext_noop(
    "{name}: the agent's record of its attempts was damaged and has been made anew. Failed attempts are counted from 0."
)
REPAIRED_BOTH = gettext_noop("the link “live” and the certificate chain")
RUN_REPAIRS = gettext_noop("Run “sinetti run”, which repairs this automatically.")
