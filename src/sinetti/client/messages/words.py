"""What the client says of the files of a set, keys in tokens, hooks, exports and key stores: ids as in messages.py."""

from sinetti.i18n.translate import mark, mark_count

SECRET_UNREADABLE = mark("The password in {path} cannot be read: {why}. Put it back, then run the command again.")
SECRET_EMPTY = mark("{path} holds no password: write it there, on one line, then run the command again.")
NO_PKCS12_PASSWORD = mark(
    "{path} holds no password that a PKCS#12 file takes: that is one line of UTF-8, without a byte order mark. Save "
    "the file so, then run the command again."
)
SECRET_TOO_LONG = mark(
    "{path}: a password that keys are encrypted with has at most {most} octets, and this one has more. Write a shorter "
    "one there, then run the command again."
)
NO_KEY_PASSWORD = mark(
    "{path} is encrypted, and nothing says where its password is. Write key_password_file into the name's table of "
    "sinetti.toml, or into {settings}."
)
UNKNOWN_OWNER = mark(
    "The files of {name} are to belong to {owner}, whom this system does not know. Create that user or group, or "
    "write another owner or group into sinetti.toml; nothing is lost meanwhile."
)
OWNER_NOT_GIVEN = mark(
    "The files of {name} cannot be given to {owner}: {why}. Run the command as root, or leave owner and group out of "
    "sinetti.toml; nothing is lost meanwhile."
)
PROXY_UNREADABLE = mark(
    "The address of the proxy, in https_proxy or the system's settings, cannot be read. Write it like "
    "http://proxy.example:3128, and signs such as @ : / # in a user name or password percent-encoded (RFC 3986)."
)
NEEDS_PKCS11_EXTRA = mark(
    "Keys in a PKCS#11 token need one package more: run pip install '.[pkcs11]' in a clone of this repository"
)
TOKEN_UNUSABLE = mark("{name}: {why}. Correct it, then run the command again; nothing is lost.")
TOKEN_KEY_TAKEN_UP = mark(
    "{name}: the token holds a key (ID {key_id}) that an interrupted run made and that nothing uses yet. "
    "It is used now."
)
TOKEN_KEY_LEFT = mark(
    "{name}: the token {token} holds a key (ID {key_id}) that nothing here uses. To delete it: {command}"
)
HOOK_DONE = mark("{name}: the command of {stage} has run.")
HOOK_FAILED = mark("{name}: the command of {stage} did not succeed: {why}. What it said is in {log}.")
HOOK_EXIT = mark("it ended with exit code {code}")
HOOK_SIGNAL = mark("it was ended by the signal {signal}")
HOOK_TIMEOUT = mark("it was killed after {seconds} s")
HOOK_OPEN = mark("every user can write {path}, so it was not run; run: chmod o-w {path}")
HOOK_NOT_STARTED = mark("{program} could not be started, {why}")
DEPLOYED = mark("{name}: the certificate {serial} was brought into use.")
DEPLOY_AGAIN = mark(
    "{name}: the certificate {serial} is in {folder}, but was not brought into use. It is tried again from {at}; "
    "nothing is lost, and the former one stays in its generation."
)
CLOCK_BEHIND = mark_count(
    "This computer's clock says {now}, but {count} certificate that is in use begins days later. Set the clock right: "
    "until then nothing is renewed in time.",
    "This computer's clock says {now}, but {count} certificates that are in use begin days later. Set the clock right: "
    "until then nothing is renewed in time.",
)
SAME_FOR_MORE = mark_count("The same of {count} name more: {told}", "The same of {count} names more: {told}")
METRICS_IN_STORE = mark(
    "{path} lies where the store {store} keeps keys and what belongs to them. No metrics were written: name a file "
    "elsewhere."
)
EXPORT_NO_NAME = mark("{name} has no certificate {serial}. Those that are kept: {kept}.")
EXPORT_NO_KEY_IN_DER = mark(
    "A DER file holds one thing, and with --with-key there would be two. Take --format pem or pkcs12."
)
EXPORT_KEY_IN_TOKEN = mark("{name}: the key is in a token and does not leave it. Give --without-key.")
EXPORT_NEEDS_PASSWORD = mark("Give --password-file FILE: a {format} file is protected by a password.")
EXPORT_KEPT_ENCRYPTED = mark(
    "{name}: the key is kept encrypted, and does not go out in clear. Give --password-file FILE with the password of "
    "the copy."
)
EXPORT_PASSWORD_OF_NOTHING = mark("--password-file protects nothing here: there is no key in it, and no PKCS#12 file.")
EXPORT_JKS = mark(
    "Java reads PKCS#12 files as they are. Whoever needs JKS exports with --format pkcs12 and then runs: {command}"
)
EXPORTED = mark("{name}: the certificate {serial} was written to {path}, without its key.")
EXPORTED_WITH_KEY = mark(
    "{name}: the certificate {serial} was written to {path} with its key. Whoever has this file has the key: delete it "
    "when it has been taken over."
)

OTHERS_CERTIFICATE = mark(
    "The certificate in use is not for the customer ID {customer_id} that {path} names. Correct customer_id there, or "
    "restore the certificate and its key from a backup."
)
REPAIRED = mark("{name}: repaired what was damaged: {what}. The certificate {serial} is in use as before.")
WOULD_REPAIR = mark("{name}: would be repaired now: {what}.")
REPAIRED_LINK = mark("the link “live”")
REPAIRED_CHAIN = mark("the chain of the certificate")
REPAIRED_BOTH = mark("the link “live” and the chain of the certificate")
RUN_REPAIRS = mark("Run “sinetti run”: it repairs this by itself.")
