"""Message ids of the client, in English; the catalogues translate them.

A message says what happened and what to do next. It travels as an id with its values, and becomes text when printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop, ngettext_noop

ENROLLED = gettext_noop(
    "{name}: the certificate {serial} is in place, valid until {until}. Key and certificate are in {folder}."
)
RENEWED = gettext_noop(
    "{name}: renewed. The new certificate {serial} is in place, valid until {until}, in {folder}. "
    "The old one works until its own end; let your programs load the new one now."
)
RENEW_FROM = gettext_noop("It can be renewed from {at}: run “sinetti run” daily, it calls nobody before then.")
DONE_BEFORE = gettext_noop(
    "{name}: these transfer IDs already gave the certificate {serial}, valid until {until}. Nothing to do."
)
NOT_DUE = gettext_noop("{name}: nothing to do yet. Renewal opens {at}; the certificate is valid until {until}.")
NOTHING_TO_FETCH = gettext_noop("{name}: nothing is waiting to be retrieved.")
WAITING = gettext_noop("The certificate is not ready yet. Asking again in {seconds} seconds …")
WAITING_ONE = gettext_noop("The certificate is not ready yet. Asking again in 1 second …")
NOT_READY_IN_TIME = gettext_noop(
    "The certificate was not ready in time. Nothing is lost: run the same command, or “sinetti retrieve”, again later."
)
NO_ANSWER_YET = gettext_noop("Waiting for the service to answer …")
SERVICE_SAID = gettext_noop("The service answered {code}: {text}")
RUN_AGAIN_NOTHING_SENT = gettext_noop("Nothing was sent. Run the same command again.")
RUN_AGAIN_SAME_KEY = gettext_noop("Run the same command again: it sends the same request with the same key.")
CORRECT_NOTHING_DONE = gettext_noop("Nothing was done. Correct it, then run the command again.")
CORRECT_SAME_KEY = gettext_noop("Correct it, then run the command again: it sends the same request with the same key.")
RUN_AGAIN_TO_FETCH = gettext_noop("The request was accepted, only fetching failed. Run “sinetti retrieve” again.")
MAY_BE_SPENT = gettext_noop(
    "It is uncertain whether the request was done. The key is kept. Run the same command once more; if the answer "
    "stays the same, ask the service's support or order a new certificate."
)
KEY_LOST = gettext_noop(
    "If the key of that request is lost, order a replacement and have the lost certificate revoked."
)
OTHER_KEY = gettext_noop("Run “sinetti enrol” again with a key of a type that the service takes (--key rsa-2048).")
OTHER_KEY_KEPT = gettext_noop(
    'Write a type that the service takes into {path} (key = "rsa-2048") and run the same command again.'
)
SEND_FIRST = gettext_noop("{name}: a request is still open. Run “sinetti {command}” again to send the same request.")
SET_ASIDE = gettext_noop("An earlier request whose outcome is not known was set aside; its key is kept in {folder}.")
EARLIER_FIRST = gettext_noop("An earlier request is finished first. The transfer IDs given now were not used.")
NOT_REACHED = gettext_noop(
    "{host} could not be reached at port {port}: {why}. Check the address (--service, or sinetti.toml): it ends with "
    "/2017/10/CertificateServices; on a test bench take soap_url as it is."
)
TLS_NOT_TRUSTED = gettext_noop(
    "The server certificate of {host} is not trusted: {why}. Check the address; a service with a CA of its own needs "
    "--tls-ca."
)
SPEAKS_TLS = gettext_noop(
    "What listens on {host} at port {port} speaks TLS and took no request without it: write the address with https://."
)
ANSWER_LOST = gettext_noop("The request was sent, but no answer came back: {why}.")
ANSWER_LOST_PLAIN = gettext_noop(
    "The request was sent, but no answer came back: {why}. If TLS is spoken there, the address begins with https://."
)
REDIRECTED = gettext_noop("The service redirects to another address. That is never followed: check the address.")
HTTP_STATUS = gettext_noop("The service answered with the HTTP status {status} instead of a signed answer.")
WRONG_ADDRESS = gettext_noop(
    "What answered is no certificate service (HTTP status {status}). Check the address (--service, or "
    "sinetti.toml): it ends with /2017/10/CertificateServices; on a test bench take soap_url as it is."
)
ANSWER_TOO_LONG = gettext_noop("The answer is too long to be one of the service's and was not read.")
ANSWER_NOT_TRUSTED = gettext_noop(
    "The answer is not trusted: {why}. Only a signer issued directly by a CA in --trust-services counts."
)
ANSWER_UNREADABLE = gettext_noop(
    "The answer could not be read: {why}. Check the address (--service, or sinetti.toml): it ends with "
    "/2017/10/CertificateServices; on a test bench take soap_url as it is."
)
VALID_FROM = gettext_noop(
    "{what} is valid only from {at}; this computer's clock (or --now) says {now}. Correct the clock; on a test bench "
    "give --now."
)
VALID_UNTIL = gettext_noop(
    "{what} was valid only until {at}; this computer's clock (or --now) says {now}. Correct the clock; on a test bench "
    "give --now."
)
THE_SIGNERS = gettext_noop("The signer's certificate")
THE_SIGNERS_CA = gettext_noop("The certificate of the CA that issued the signer's certificate")
THE_NEW_ONE = gettext_noop("The certificate that came")
THE_NEW_ONES_CA = gettext_noop("The certificate of the CA that issued the certificate that came")
SOAP_FAULT = gettext_noop("The service gave no signed answer, but a SOAP Fault: {text}")
NOT_OUR_KEY = gettext_noop("The certificate that came is not for our key.")
NOT_OUR_CUSTOMER = gettext_noop("The certificate that came is not for the customer ID {customer_id}.")
NOT_OUR_ISSUER = gettext_noop("The certificate that came was not issued directly by a CA in --trust-holders.")
NOT_FOR_HOLDERS = gettext_noop("The certificate that came is not an organisation's, it was issued for something else.")
CERTIFICATE_UNREADABLE = gettext_noop("The certificate that came could not be read: {why}.")
OTHER_TRUST = gettext_noop(
    "It was not taken into use, and the key is kept. If --trust-holders was the wrong bundle, run “sinetti enrol” "
    "again with the right one; if not, ask the service's support."
)
OTHER_TRUST_KEPT = gettext_noop(
    "It was not taken into use, and the key is kept. If the service has new CAs for holders, put them into {path} "
    "(trust_holders) and run the same command again; if not, ask its support."
)
KEY_MADE_BEFORE = gettext_noop(
    "A request with a key of type {made} is under way and goes on: --key {wanted} was not used."
)
SENDS_AGAIN = gettext_noop(
    "It was not taken into use. Run “sinetti {command}” again: it sends the same request with the same key."
)
ID_MAY_BE_ANOTHERS = gettext_noop(
    "The retrieval ID may have come with the answer to another request. Run “sinetti {command}” again: it sends the "
    "same request with the same key."
)
CERTIFICATE_NOT_TAKEN = gettext_noop(
    "It was not taken into use. Run “sinetti retrieve” again; if this stays so, ask the service's support."
)
STORE_LOCKED = gettext_noop(
    "{name}: another run is at work on this name. Wait until it has ended and run the command again."
)
STORE_DAMAGED = gettext_noop(
    "The store is damaged: {path}: {why}. Restore the file from a backup, or enrol under another name."
)
STORE_UNUSABLE = gettext_noop(
    "The store cannot be read or written: {path}: {why}. Mend that, then run the same command again."
)
OPEN_SECRET = gettext_noop(
    "{path} holds a password and can be read by others on this computer. Nothing was done. Run: chmod 600 {path}"
)
FOREIGN_SECRET = gettext_noop(
    "{path} holds a password and belongs to {owner}, who can read and change it. Nothing was done. Put the password "
    "into a file of your own, with chmod 600."
)
NO_STORE = gettext_noop("There is no store at {store}. Give the folder with --store.")
UNKNOWN_NAME = gettext_noop("There is no {name} in {store}. “sinetti status” lists what there is.")
BAD_NAME = gettext_noop("“{name}” cannot be a name: use letters, digits, dots, hyphens and underscores, at most 64.")
NOT_ENROLLED = gettext_noop("{name} has no certificate. Order one and run “sinetti enrol”.")
ONLY_ASKED_FOR = gettext_noop(
    "{name}: nothing to renew, there is no certificate yet. Run “sinetti enrol” again, or delete {folder} as long as "
    "it has no live/."
)
ONLY_OPEN = gettext_noop(
    "{name}: nothing to renew, the first request is still open. Run “sinetti enrol” again; its key is kept in {folder}."
)
OTHER_HOLDER = gettext_noop(
    "{name} holds a certificate of {customer_id} in {environment}. Choose another name for this one."
)
NAME_OR_ALL = gettext_noop("Give one NAME, or --all.")
BAD_OPTION = gettext_noop("{option}: what it gives is empty, too long, or has signs in it that do not belong there.")
BAD_SETTING = gettext_noop("This cannot be used: {why}.")
BAD_INSTANT = gettext_noop("“{text}” is no instant: write it like 2027-05-02T11:03:00Z.")
BAD_SECONDS = gettext_noop("“{text}” is no number of seconds from 0 to {most}")
UNREADABLE_FILE = gettext_noop("{path} cannot be read: {why}.")
UNWRITABLE_FILE = gettext_noop("{path} cannot be written: {why}.")
OUT_IN_STORE = gettext_noop(
    "{path} lies in the store {store}, where keys are kept. Nothing was written: give --out a place outside the store."
)
EMPTY_PASSWORD = gettext_noop("{path} holds no one-time password.")
NOW_IS_FOR_BENCHES = gettext_noop(
    "Warning: --now {at} is used instead of this machine's clock. That is for test benches only."
)
NOW_NOT_IN_PRODUCTION = gettext_noop(
    "{name}: --now is for test benches and is refused with PRODUCTION. Run the command for it without --now."
)
NOW_PASSES_BY = gettext_noop(
    "Warning: --now is for test benches. In PRODUCTION, this machine's clock is used: {names}."
)
OUR_FAULT = gettext_noop(
    "This is a fault of the program: {why}. Run the same command again; nothing that was written is lost."
)
OUTPUT_LOST = gettext_noop("The output could not be written: {why}.")
INTERRUPTED = gettext_noop("Interrupted. Run the same command again: it goes on where it stopped.")
NEEDS_EXTRA = gettext_noop(
    "“sinetti {command}” needs the extra sinetti[authority]: run pip install '.[authority]' in a clone of this "
    "repository"
)
NEEDS_GATEWAY_EXTRA = gettext_noop(
    "“sinetti gateway serve” needs an HTTP server: run pip install '.[gateway]' in a clone of this repository"
)
NOT_FOR_THIS = gettext_noop("{path} is no XML document that can be sealed: {why}.")
SEALED = gettext_noop("{path} is sealed by {name} ({customer_id}), certificate {serial}.")
SEAL_GOOD = gettext_noop(
    "The seal is good. Sealed by {name} ({customer_id}), certificate {serial}, valid until {until}."
)
SEAL_MISSING = gettext_noop("Refused: the document carries no signature.")
SEAL_BROKEN = gettext_noop(
    "Refused: the signature does not fit the document ({why}). It was changed after sealing, or sealed otherwise."
)
SEAL_UNTRUSTED = gettext_noop("Refused: the signer's certificate was not issued directly by a CA in --trust-holders.")
SEAL_WRONG_PURPOSE = gettext_noop(
    "Refused: the signer's certificate is not an organisation's, it was issued for something else."
)
SEAL_EXPIRED = gettext_noop("Refused: the signer's certificate expired on {until}.")
SEAL_NOT_YET = gettext_noop("Refused: the signer's certificate is valid only from {at}; the clock here says {now}.")
SEAL_CA_EXPIRED = gettext_noop("Refused: the CA that issued the signer's certificate expired on {until}.")
SEAL_CA_NOT_YET = gettext_noop(
    "Refused: the CA that issued the signer's certificate is valid only from {at}; the clock here says {now}."
)
SEAL_REVOKED_SIGNER = gettext_noop(
    "{name}: the certificate is revoked, and nobody may believe what is sealed with it. Order a new one."
)
SEAL_EXPIRED_SIGNER = gettext_noop(
    "{name}: the certificate expired on {until}, so nothing is sealed with it. Order a new one."
)
SEAL_EARLY_SIGNER = gettext_noop(
    "{name}: the certificate is valid only from {at}, so nothing is sealed with it; this computer's clock (or --now) "
    "says {now}. Correct the clock; on a test bench give --now."
)
DELIVERED = gettext_noop(
    "{path} was delivered and is accepted: received {at}, delivery ID {delivery_id}. The receipt is in {receipt}."
)
DELIVERED_BEFORE = gettext_noop(
    "{path} was delivered before: received {at}, delivery ID {delivery_id}. Nothing was sent; the receipt is in "
    "{receipt}. To deliver it another time, give --new."
)
DELIVERED_UNDER_ID = gettext_noop(
    "{path} was delivered before under this delivery ID ({delivery_id}): received {at}. Nothing was sent; the receipt "
    "is in {receipt}. To deliver it another time, give --new with another --id, or with none."
)
DELIVERED_ALREADY = gettext_noop(
    "{path} was delivered before: received {at}, delivery ID {delivery_id}. To deliver it another time, give --new."
)
DELIVERY_RESUMED = gettext_noop(
    "An earlier run did not get its receipt: the same delivery goes on, delivery ID {delivery_id}."
)
DELIVERY_REFUSED = gettext_noop("The receiver refused the delivery ({reason}): {detail}")
ASK_WHETHER_REVOKED = gettext_noop(
    "The receiver's word is not signed, so “sinetti status” does not go by it. Run “sinetti renew {name} --force”: the "
    "service then says whether the certificate is revoked."
)
DELIVERY_AGAIN = gettext_noop("Run the same command again: it sends the same delivery, which is taken only once.")
DELIVERY_CORRECT = gettext_noop("Correct it, then run the command again.")
DELIVERED_BUT_KEPT = gettext_noop(
    "{path} was accepted, and its receipt is kept in the store; but it cannot be written to {receipt}: {why}. Run the "
    "same command again with another --receipt."
)
RECEIVER_NOT_REACHED = gettext_noop("{host} could not be reached at port {port}: {why}. Check --to.")
RECEIVER_TLS_NOT_TRUSTED = gettext_noop(
    "The server certificate of {host} is not trusted: {why}. Check --to; a receiver with a CA of its own needs "
    "--tls-ca."
)
RECEIVER_REDIRECTS = gettext_noop("The receiver redirects to another address. That is never followed: check --to.")
RECEIVER_STATUS = gettext_noop("The receiver answered with the HTTP status {status} instead of a signed receipt.")
RECEIVER_WRONG_ADDRESS = gettext_noop(
    "The receiver answered with the HTTP status {status} instead of a signed receipt. Check --to; on a test bench it "
    "is status_url with /deliveries."
)
RECEIPT_TOO_LONG = gettext_noop("The answer is too long to be a receipt and was not read.")
RECEIPT_NOT_TRUSTED = gettext_noop(
    "The receipt is not trusted: {why}. Only a signer issued directly by a CA in --trust-services counts."
)
RECEIPT_UNREADABLE = gettext_noop("The answer is no receipt that can be read: {why}.")
RECEIPT_OF_ANOTHER = gettext_noop("The receipt is for another delivery, or for other octets than those that were sent.")
RECEIPT_OF_THE_FUTURE = gettext_noop(
    "The receipt says that the delivery was received {at}; this computer's clock (or --now) says {now}. Correct the "
    "clock; on a test bench give --now."
)
RECEIPT_SIGNER_NOT_THEN = gettext_noop(
    "Refused: the certificate that signed the receipt, or that of its CA, was not valid {at}, when the delivery is "
    "said to have been received."
)
RECEIPT_NOT_FOR_THIS = gettext_noop(
    "Refused: the receipt is for other octets than those of {path}. What was sent counts, signature included: in the "
    "sender's store it is sealed.xml."
)
RECEIPT_GOOD = gettext_noop(
    "The receipt is good: {path} was received {at}, delivery ID {delivery_id}. Sealed by {name} ({customer_id}), "
    "certificate {serial}."
)
RECEIPT_IN_STORE = gettext_noop(
    "{path} lies in the store {store}, where keys are kept. Nothing was sent: give --receipt a place outside the store."
)
BAD_DELIVERY_ID = gettext_noop(
    "“{delivery_id}” is no delivery ID: use the letters A–Z and a–z, digits and hyphens, at most 64."
)
BAD_RECEIVER = gettext_noop("--to: {why}.")
ABOUT_NAME = gettext_noop("{name}: {told}")
STORE_EMPTY = gettext_noop("There is nothing in this store yet.")
RUN_LOCKED = gettext_noop(
    "Another run takes care of {store}: process {pid} on {host}, started by {user}, {since}. Wait until it has ended."
)
RUN_STOPPED = gettext_noop("{name}: stopped on the way. Nothing is lost: the next run goes on where this one stopped.")
BEFORE_HOLDS_BACK = gettext_noop("{name}: the renewal is put off, because the program “before” did not succeed.")
SAME_CERTIFICATE = gettext_noop(
    "{name} holds the same certificate as {other}, and it is renewed there. It can be renewed once only: keep one of "
    "the two names and put the other folder away."
)
ORDER_REPLACEMENT = gettext_noop(
    "{name}: the certificate {serial} can no longer be renewed: {why}. Order a replacement and run “sinetti enrol” "
    "with its transfer IDs."
)
NEVER_EXPIRED = gettext_noop("it ended {at}")
NEVER_REVOKED = gettext_noop("it is revoked")
NEVER_REFUSED = gettext_noop("the service refused it for good ({codes})")
RUN_SUMMARY = ngettext_noop(
    "{count} name: {well} in order, {renewed} renewed, {left} not finished.",
    "{count} names: {well} in order, {renewed} renewed, {left} not finished.",
)
RUN_LEFT = gettext_noop("“sinetti status” says what is not finished, and what to do.")
RUN_NEXT = gettext_noop("Something is due next {at}.")
WOULD_RENEW = gettext_noop("{name}: would be renewed now.")
WOULD_GO_ON = gettext_noop("{name}: what is under way would be gone on with.")
WAITS_PLANNED = gettext_noop("{name}: its renewal is planned for {at}.")
WAITS_MAINTENANCE = gettext_noop("{name}: it waits for a maintenance window, {at}.")
WAITS_AFTER_FAILURE = gettext_noop("{name}: the last try failed; the next one is {at}.")
BAD_EVERY = gettext_noop("--every {text}: write a time from 1m to 7d, such as 1h.")
STOPPING = gettext_noop("Stopping: what is under way is brought to a safe end.")

STATE_PENDING = gettext_noop("under way")
STATE_NOT_SENT = gettext_noop("the request has not been sent")
STATE_REFUSED = gettext_noop("refused")
STATE_REFUSED_WITH = gettext_noop("refused ({codes})")
STATE_VALID = gettext_noop("valid")
STATE_NOT_YET = gettext_noop("valid only from {at}")
STATE_RENEWAL_OPEN = gettext_noop("valid, renewal is open")
STATE_EXPIRED = gettext_noop("expired")
STATE_REVOKED = gettext_noop("revoked")
STATE_UNCERTAIN = gettext_noop("uncertain")
STATE_DAMAGED = gettext_noop("damaged")
STATE_NOT_ENROLLED = gettext_noop("not in the store yet")
JSON_NEEDS_OUT = gettext_noop(
    "--json goes to standard output, as the sealed document does without --out: give --out as well."
)
DETAILS_NEED_JSON = gettext_noop("--details is for programs: give --json as well.")
NOTHING_FOR_A_PERSON = gettext_noop("Nothing needs a person.")
NOBODY_TO_ASK = gettext_noop("Nobody can be asked here, so nothing was revoked. Give --yes if it is meant.")
TYPE_THE_NAME = gettext_noop("To revoke it, type its name ({name}):")
NOT_CONFIRMED = gettext_noop("That is another name. Nothing was revoked.")
DOCTOR_WELL = gettext_noop("Nothing is wrong.")
DOCTOR_WRONG = gettext_noop("Wrong: {number}. The lines say what to do next.")
LOG_EMPTY = gettext_noop("Nothing has been written down about {name}.")

EMPTY_SECRET = gettext_noop("{path} is empty: its first line is to be the password.")
THE_CERTIFICATE = gettext_noop("The certificate")
THE_CERTIFICATES_CA = gettext_noop("The certificate of the CA that issued it")


@dataclass(frozen=True, slots=True)
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


def make_plural_message(forms: tuple[str, str], count: int, **values: Value) -> Message:
    """Make a message about a count; `forms` as ngettext_noop returns them."""
    one, more = forms
    return Message(one, {"count": count, **values}, more)


def render(message: Message, language: Language) -> str:
    """Return the text of a message in one language."""
    rendered = {name: _render_value(value, language) for name, value in message.values.items()}
    if message.more is not None:
        count = int(rendered.pop("count"))
        return translate.translate_plural(message.text, message.more, count, language, **rendered)
    return translate.translate(message.text, language, **rendered)


def strip_control_chars(foreign: str) -> str:
    """Return a foreign text without characters that could control a terminal."""
    if foreign.isprintable():
        return foreign.strip()
    return "".join(sign if sign.isprintable() else " " for sign in foreign).strip()


def _render_value(value: Value, language: Language) -> str:
    if isinstance(value, Message):
        return render(value, language)
    # A value (a name in sinetti.toml, a path, a service's word) must not control the terminal or add lines.
    return (
        translate.format_datetime(value, language) if isinstance(value, datetime) else strip_control_chars(str(value))
    )


SECRET_UNREADABLE = gettext_noop(
    "The password in {path} cannot be read: {why}. Put it back, then run the command again."
)
SECRET_EMPTY = gettext_noop("{path} holds no password: write it there, on one line, then run the command again.")
NO_PKCS12_PASSWORD = gettext_noop(
    "{path} holds no password that a PKCS#12 file takes: that is one line of UTF-8, without a byte order mark. Save "
    "the file so, then run the command again."
)
SECRET_TOO_LONG = gettext_noop(
    "{path}: a password that keys are encrypted with has at most {most} octets, and this one has more. Write a shorter "
    "one there, then run the command again."
)
NO_KEY_PASSWORD = gettext_noop(
    "{path} is encrypted, and nothing says where its password is. Write key_password_file into the name's table of "
    "sinetti.toml, or into {settings}."
)
UNKNOWN_OWNER = gettext_noop(
    "The files of {name} are to belong to {owner}, whom this system does not know. Create that user or group, or "
    "write another owner or group into sinetti.toml; nothing is lost meanwhile."
)
OWNER_NOT_GIVEN = gettext_noop(
    "The files of {name} cannot be given to {owner}: {why}. Run the command as root, or leave owner and group out of "
    "sinetti.toml; nothing is lost meanwhile."
)
PROXY_UNREADABLE = gettext_noop(
    "The address of the proxy, in https_proxy or the system's settings, cannot be read. Write it like "
    "http://proxy.example:3128, and signs such as @ : / # in a user name or password percent-encoded (RFC 3986)."
)
NEEDS_PKCS11_EXTRA = gettext_noop(
    "Keys in a PKCS#11 token need one package more: run pip install '.[pkcs11]' in a clone of this repository"
)
TOKEN_UNUSABLE = gettext_noop("{name}: {why}. Correct it, then run the command again; nothing is lost.")
TOKEN_KEY_TAKEN_UP = gettext_noop(
    "{name}: the token holds a key (ID {key_id}) that an interrupted run made and that nothing uses yet. "
    "It is used now."
)
TOKEN_KEY_LEFT = gettext_noop(
    "{name}: the token {token} holds a key (ID {key_id}) that nothing here uses. To delete it: {command}"
)
HOOK_DONE = gettext_noop("{name}: the command of {stage} has run.")
HOOK_FAILED = gettext_noop("{name}: the command of {stage} did not succeed: {why}. What it said is in {log}.")
HOOK_EXIT = gettext_noop("it ended with exit code {code}")
HOOK_SIGNAL = gettext_noop("it was ended by the signal {signal}")
HOOK_TIMEOUT = gettext_noop("it was killed after {seconds} s")
HOOK_OPEN = gettext_noop("every user can write {path}, so it was not run; run: chmod o-w {path}")
HOOK_NOT_STARTED = gettext_noop("{program} could not be started, {why}")
DEPLOYED = gettext_noop("{name}: the certificate {serial} was brought into use.")
DEPLOY_AGAIN = gettext_noop(
    "{name}: the certificate {serial} is in {folder}, but was not brought into use. It is tried again from {at}; "
    "nothing is lost, and the former one stays in its generation."
)
CLOCK_BEHIND = ngettext_noop(
    "This computer's clock says {now}, but {count} certificate that is in use begins days later. Set the clock right: "
    "until then nothing is renewed in time.",
    "This computer's clock says {now}, but {count} certificates that are in use begin days later. Set the clock right: "
    "until then nothing is renewed in time.",
)
SAME_FOR_MORE = ngettext_noop("The same of {count} name more: {told}", "The same of {count} names more: {told}")
METRICS_IN_STORE = gettext_noop(
    "{path} lies where the store {store} keeps keys and what belongs to them. No metrics were written: name a file "
    "elsewhere."
)
EXPORT_NO_NAME = gettext_noop("{name} has no certificate {serial}. Those that are kept: {kept}.")
EXPORT_NO_KEY_IN_DER = gettext_noop(
    "A DER file holds one thing, and with --with-key there would be two. Take --format pem or pkcs12."
)
EXPORT_KEY_IN_TOKEN = gettext_noop("{name}: the key is in a token and does not leave it. Give --without-key.")
EXPORT_NEEDS_PASSWORD = gettext_noop("Give --password-file FILE: a {format} file is protected by a password.")
EXPORT_KEPT_ENCRYPTED = gettext_noop(
    "{name}: the key is kept encrypted, and does not go out in clear. Give --password-file FILE with the password of "
    "the copy."
)
EXPORT_PASSWORD_OF_NOTHING = gettext_noop(
    "--password-file protects nothing here: there is no key in it, and no PKCS#12 file."
)
EXPORTED = gettext_noop("{name}: the certificate {serial} was written to {path}, without its key.")
EXPORTED_WITH_KEY = gettext_noop(
    "{name}: the certificate {serial} was written to {path} with its key. Whoever has this file has the key: delete it "
    "when it has been taken over."
)

OTHERS_CERTIFICATE = gettext_noop(
    "The certificate in use is not for the customer ID {customer_id} that {path} names. Correct customer_id there, or "
    "restore the certificate and its key from a backup."
)
REPAIRED = gettext_noop("{name}: repaired what was damaged: {what}. The certificate {serial} is in use as before.")
WOULD_REPAIR = gettext_noop("{name}: would be repaired now: {what}.")
REPAIRED_LINK = gettext_noop("the link “live”")
REPAIRED_CHAIN = gettext_noop("the chain of the certificate")
REPAIRED_BOTH = gettext_noop("the link “live” and the chain of the certificate")
RUN_REPAIRS = gettext_noop("Run “sinetti run”: it repairs this by itself.")


ADOPTED = gettext_noop(
    "{name}: the certificate {serial} was taken over, valid until {until}. Key and certificate are in {folder}; the "
    "files that they came from are as they were. Let your programs use {folder} from now on."
)
ADOPTED_IN_CLEAR = gettext_noop(
    "{name}: the key had a password, and has none in the store, where only its owner can read it. With "
    "key_password_file in sinetti.toml, the keys of later renewals are kept encrypted."
)
ADOPTED_BEFORE = gettext_noop(
    "{name}: the certificate {serial} was taken over before, valid until {until}. Nothing to do."
)
ADOPT_NAME_USED = gettext_noop("{name} holds another certificate ({serial}). Nothing was changed: choose another name.")
ADOPT_NAME_ASKS = gettext_noop("{name} has a request under way. Nothing was changed: choose another name.")
ADOPT_HELD = gettext_noop(
    "The store holds this certificate under the name {other}. Nothing was changed: two names for one certificate would "
    "both renew it."
)
ADOPT_EXPIRED = gettext_noop(
    "The certificate expired on {until}, so it cannot be renewed, and nothing was taken over. Order a replacement in "
    "the e-service, then run “sinetti enrol {name}” with its transfer IDs."
)
ADOPT_MISFIT = gettext_noop("{path} holds no certificate for this key. Key and certificate have to belong together.")
ADOPT_NO_KEY = gettext_noop("{path} holds no private key. Export the certificate together with its key.")
ADOPT_ALIASES = gettext_noop("{path} holds several private keys. Choose one with --alias: {aliases}")
ADOPT_ENCRYPTED = gettext_noop(
    "{path} is encrypted. Write its pass-phrase into a file and give it with --password-file."
)
ADOPT_NO_PASSWORD = gettext_noop("{path} needs its password: write it into a file and give that with --password-file.")
ADOPT_NO_PKCS12 = gettext_noop("{path} is no PKCS#12 file, or its password is wrong (--password-file).")
ADOPT_JAVA = gettext_noop("{path} is a Java key store: give it with --jks.")
ADOPT_NO_KEYTOOL = gettext_noop(
    "{path} is read with Java's keytool, which is not here. Where Java is, run: keytool -importkeystore -srckeystore "
    "{path} -destkeystore key.p12 -deststoretype PKCS12 – and then give key.p12 with --pkcs12."
)
ADOPT_KEYTOOL = gettext_noop("{path} cannot be read by keytool: {why}")
ADOPT_ONE_SOURCE = gettext_noop("Give one of: --key with --certificate, --pkcs12, or --jks.")
ADOPT_NO_SERVICE = gettext_noop(
    "The certificate was issued by “{issuer}”, which is not in the anchors for holders of any service ({services}). "
    "Add that CA to the service's bundle trust_holders, or write a table for the service that it belongs to."
)
ADOPT_NOT_OF_SERVICE = gettext_noop(
    "The certificate was issued by “{issuer}”, which is not in the anchors for holders of {services}. Nothing was "
    "taken over: give the service that it belongs to, or its right bundle."
)
ADOPT_SERVICES = gettext_noop(
    "The certificate may belong to several services ({services}). Write the right one into the table "
    "[certificates.{name}] of {path}, as service, and run the command again."
)
ADOPT_OTHER_TABLE = gettext_noop(
    "The certificate belongs to {services}, but {path} has the service {service} for {name}. Write the right one into "
    "its table [certificates.{name}], as service, and run the command again."
)
ADOPT_NOT_HOLDERS = gettext_noop("The certificate is not an organisation's, it was issued for something else.")
ADOPT_OTHER_WORLD = gettext_noop("The certificate is of the environment {found}, but {service} is of {wanted}.")
ADOPT_OTHER_CUSTOMER = gettext_noop(
    "The certificate is of the customer ID {found}, but {wanted} was expected. Nothing was taken over."
)
ADOPT_NO_CUSTOMER = gettext_noop("The certificate names no customer ID that can be read.")
ADOPT_KEY_PASSWORD = gettext_noop(
    "{path}: the password of this key is another one than that of the key store. Write it into a file and give that "
    "with --key-password-file."
)
ADOPT_SEVERAL = gettext_noop(
    "{path} holds certificates for more than one key: {serials}. Choose one: give the file with --jks, and the name "
    "that the key has in it with --alias, as keytool -list shows it."
)
