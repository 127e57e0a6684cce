"""What the client says of the files of a set, keys in tokens, hooks, exports and key stores: ids as in messages.py."""

from sinetti.i18n.translate import gettext_noop, ngettext_noop

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
EXPORT_JKS = gettext_noop(
    "Java reads PKCS#12 files as they are. Whoever needs JKS exports with --format pkcs12 and then runs: {command}"
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
