"""What `sinetti doctor` says: ids as in messages.py."""

from sinetti.i18n.translate import mark, mark_count

CONFIG_GOOD = mark_count(
    "{path} can be read; it speaks of {count} certificate.", "{path} can be read; it speaks of {count} certificates."
)
IN_LINE = mark("Line {line}: {told}")
CONFIG_BAD_STEP = mark("Correct it: until then no run begins.")
NOT_ENROLLED_YET = mark("The table certificates.{name} has no certificate in the store.")
ENROL_STEP = mark("Order one and run “sinetti enrol {name}”, or take the table away.")
OTHER_SERVICE = mark("settings.toml has another address or other anchors than the table of the service.")
OTHER_SERVICE_STEP = mark("Nothing: the next “sinetti run” brings it in line with the table.")
OTHER_ENVIRONMENT = mark("The certificate is in {kept}, the table says {wanted}.")
OTHER_ENVIRONMENT_STEP = mark("Give the name a service in {kept}; a certificate cannot change its environment.")
PROGRAM_GOOD = mark("{stage}: {program} is there and can be run.")
PROGRAM_MISSING = mark("{stage}: {program} is not there, or cannot be run.")
PROGRAM_OPEN = mark("{stage}: {program} is not run: every user can write {path}.")
PROGRAM_STEP = mark("Write the whole path of a program that this user may run.")
SECRET_MISSING = mark("{path} cannot be read: {why}.")
SECRET_STEP = mark("Put the file there, readable for this user alone.")
SECRET_OPEN = mark("{path} can be read by others on this computer.")
CHMOD_STEP = mark("Run: chmod {mode} {path}")

STORE_GOOD = mark_count("{path} has {count} name and can be written.", "{path} has {count} names and can be written.")
STORE_NOT_YET = mark("{path} is not there yet; the first “sinetti enrol” or “sinetti adopt” makes it.")
STORE_EMPTY = mark("{path} has nothing in it yet.")
STORE_READ_ONLY = mark("{path} cannot be written by this user.")
STORE_STEP = mark("Run it as the user that the store belongs to, or give that right back.")
RIGHTS_GOOD = mark("Keys can be read by nobody else.")
RIGHTS_OPEN = mark("{path} can be read or changed by others on this computer (mode {mode}).")
RIGHTS_OPEN_STEP = mark("Run: chmod {mode} {path} – and think about whether somebody has read the key.")
RIGHTS_GROUP = mark("{path} can be read or changed by its group (mode {mode}).")
RIGHTS_OWNER = mark("{path} belongs to another user than the store.")
RIGHTS_OWNER_STEP = mark("Run: chown {owner} {path}")
DISK_GOOD = mark("{megabytes} MB are free.")
DISK_LITTLE = mark("Only {megabytes} MB are free.")
DISK_STEP = mark("Make room: nothing is sent without room for the answer.")
LOCK_FREE = mark("No run is at work.")
LOCK_HELD = mark("A run is at work on it: process {pid}.")
LOCK_STEP = mark("Nothing, if it is meant; if it hangs, end that process and run the same command again.")

REACHED = mark("It answers (HTTP status {status}).")
TLS_GOOD = mark("The server's certificate, issued by {issuer}, is trusted and valid until {until}.")
TLS_SOON = mark("The server's certificate ends soon: {until}.")
TLS_STEP = mark("Nothing here: the service has to replace it. Ask its support if it does not.")
TLS_NONE = mark("This service is called without TLS: it is on this computer itself.")
CLOCK_GOOD = mark_count(
    "The clock of this computer and that of the service differ by {count} second.",
    "The clock of this computer and that of the service differ by {count} seconds.",
)
CLOCK_OFF = mark("This computer's clock says {here}, the service's {there}.")
CLOCK_STEP = mark("Set the clock right, best by NTP (for example systemd-timesyncd or chrony).")
CLOCK_UNKNOWN = mark("No service has said what time it is.")
ANCHORS_GOOD = mark_count(
    "{bundle}: {count} CA, which ends {until}.", "{bundle}: {count} CAs, the first of them ends {until}."
)
ANCHORS_SOON = mark("{bundle}: the CA {ca} ends soon, {until}.")
ANCHORS_ENDED = mark("{bundle}: the CA {ca} ended {until}.")
ANCHORS_ALL_ENDED = mark("{bundle}: all CAs in it have ended.")
ANCHORS_STEP = mark("Get the service's present CAs and put them into {bundle}.")
SIGNATURE_GOOD = mark("Its answers are signed by a certificate of {bundle}.")
SIGNATURE_STEP = mark(
    "Compare {bundle} with the service's CAs; if they are right, somebody else may have answered: ask its support."
)

CERTIFICATE_GOOD = mark("Valid until {until}; renewal from {at}. Key, certificate and chain belong together.")
CERTIFICATE_OPEN = mark("Valid until {until}, renewal is open. Key, certificate and chain belong together.")
CERTIFICATE_NONE = mark("No certificate yet: {state}.")
CERTIFICATE_ENDED = mark("Ended {until}.")
CERTIFICATE_REVOKED = mark("Revoked, as the service has said.")
CERTIFICATE_EARLY = mark("Valid only from {at}.")
CERTIFICATE_EARLY_STEP = mark("Look at this computer's clock.")
CERTIFICATE_FOREIGN = mark("It was not issued directly by a CA in trust_holders.")
CERTIFICATE_FOREIGN_STEP = mark(
    "Put the CAs of the service into trust_holders in {path}: a renewed certificate is not taken without them."
)
RENEW_STEP = mark("Run “sinetti renew {name}”, or “sinetti run”.")
DEPLOY_FAILED = mark(
    "The hook deploy ({program}) has failed, number of tries: {tries}. Your programs do not use the certificate "
    "{serial} yet."
)
DEPLOY_STEP = mark("Read {log}, correct the hook, then run “sinetti run”.")
UNREADABLE = mark("{path} cannot be read: {why}.")
