"""Message ids about sinetti.toml, in English."""

from sinetti.i18n.translate import gettext_noop, ngettext_noop

IN_LINE = gettext_noop("{path}, line {line}: {told}")
IN_FILE = gettext_noop("{path}: {told}")
MORE = ngettext_noop("{path}: {count} more mistake is not shown.", "{path}: {count} more mistakes are not shown.")

NOT_READABLE = gettext_noop("the file cannot be read: {why}.")
FOREIGN = gettext_noop(
    "the file names programs that run with your rights, and {path} belongs to {owner}. Nothing was run: look at the "
    "file, and if you trust it, name it with --config."
)
WRITABLE = gettext_noop(
    "the file names programs that run with your rights, and others can write {path}. Nothing was run: look at the "
    "file, then run: chmod go-w {path}"
)
NOT_FOR_ROOT = gettext_noop(
    "The sinetti.toml in this folder does not count for root: other users may have put it there. Look at the file, "
    "then name it with --config, or move it to /etc/sinetti."
)
BYTE_ORDER_MARK = gettext_noop("the file begins with a byte order mark. Save it as UTF-8 without one.")
UTF_16 = gettext_noop("the file is UTF-16. Save it as UTF-8 without a byte order mark.")
NOT_UTF_8 = gettext_noop("this is not UTF-8. Save the file as UTF-8.")
NOT_TOML = gettext_noop(
    "this is no TOML: {why}. Texts stand in quotes, lists in square brackets, and each key and each table once."
)

UNKNOWN = gettext_noop("“{key}” is not known here. Known are: {known}.")
MEANT = gettext_noop("“{key}” is not known here. Did you mean “{nearest}”?")
ELSEWHERE = gettext_noop("“{key}” belongs in the table [{table}].")
ABOVE = gettext_noop("“{key}” belongs at the top, above the first line in square brackets.")
DOTTED = gettext_noop("A name with a dot in it stands in quotes. Write: [{table}]")
MISSING = gettext_noop("“{key}” is missing here. Write a line such as: {example}")
NO_TEXT = gettext_noop("“{key}” needs a text in quotes. Write a line such as: {example}")
NO_TEXTS = gettext_noop("“{key}” needs a list of texts. Write a line such as: {example}")
NO_NUMBER = gettext_noop(
    "“{key}” needs a whole number from {least} to {most}, without quotes. Write a line such as: {example}"
)
NO_TABLE = gettext_noop("“{key}” is a table: write [{table}] on a line of its own and its keys below it.")
NO_DURATION = gettext_noop(
    "“{key}” needs a time from {least} to {most}: days, hours, minutes or seconds, such as “10d”, “6h”, “5m”, “60s”."
)
NO_WINDOW = gettext_noop(
    "“{value}” is no maintenance window. Write it like “Mon-Fri 18:00-06:00”, “Sat-Sun” or “02:00-04:00”."
)
NO_ZONE = gettext_noop("“{value}” is no time zone. Write one such as “Europe/Helsinki”.")
NO_SUCH_CHOICE = gettext_noop("“{value}” does not do for “{key}”. Write one of: {choices}.")
NO_MODE = gettext_noop("“{value}” is no mode of a file. Write it in quotes, such as “0600”.")
MODE_FOR_ALL = gettext_noop(
    "With the mode “{value}” others could read or exchange private keys. Write “0600”, or “0640” together with “group”."
)
MODE_FOR_A_GROUP = gettext_noop(
    "The mode “{value}” lets a group read private keys. Say which with “group”, or write “0600”."
)
NO_HOOK = gettext_noop(
    "“{key}” needs a list of the program and its arguments; there is no shell. Write a line such as: {example}"
)
NO_CUSTOMER_ID = gettext_noop(
    "“{value}” is no customer ID: it has letters A–Z, digits, dots, slashes and hyphens, at most 30."
)
NO_USER = gettext_noop("There is no user “{value}” on this machine.")
NO_GROUP = gettext_noop("There is no group “{value}” on this machine.")
NO_OWNERS = gettext_noop(
    "“{key}” is not for this system: files have no owner or group of that kind here. Leave the line out."
)
NO_SERVICE = gettext_noop("There is no table [services.{value}]. Known services are: {known}.")
NO_SERVICES = gettext_noop(
    "There is no table [services.{value}]. Write one, with the address of the service and its anchors."
)
NO_PASSWORD = gettext_noop("PKCS#12 files need a password: name the file that holds it with “password_file”.")
WITH_TOKEN = gettext_noop("Keys in a token stay there: “{key}” does not go with a table “token”.")
TWICE = gettext_noop(
    "“{name}” and “{other}” are one folder where capital letters do not count. Choose another name for one of them."
)
NOT_USABLE = gettext_noop("“{key}”: {why}.")
FILE_NOT_USABLE = gettext_noop("“{key}”: {path} cannot be used: {why}.")
NO_SECRET = gettext_noop("“{key}”: {path} is empty. Write the secret into it.")
NO_PKCS12_SECRET = gettext_noop(
    "“{key}”: {path} holds no password that a PKCS#12 file takes: that is one line of UTF-8, without a byte order "
    "mark. Save the file so."
)
OPEN_BUNDLE = gettext_noop(
    "“{key}”: others can write {path}, and could have this client trust a CA of theirs. Look at the file, then run: "
    "chmod go-w {path}"
)
OPEN_SECRET = gettext_noop("“{key}”: {path} can be read by others. Run: chmod 600 {path}")
A_FILE = gettext_noop("“{key}”: {path} is a file; a folder is needed.")

OTHER_ENVIRONMENT = gettext_noop(
    "{name} is of the environment {kept}, but [services.{service}] in {path} is of {wanted}. Nothing was changed: "
    "choose another service for this name there, or another name for the certificate of the other environment."
)
OTHER_CUSTOMER = gettext_noop(
    "{name} holds a certificate of {kept}, but [certificates.{name}] in {path} says {wanted}. Nothing was changed: "
    "correct the line there, or choose another name."
)

OTHER_PASSWORD = gettext_noop(
    "The key of {name} is encrypted with the password in {kept}, but {path} says otherwise. Nothing was changed: let "
    "key_password_file name that password, in its table too, and have no token there."
)

NO_STORE = gettext_noop(
    "Say where the store is: give --store DIR, or --config FILE with a sinetti.toml that says it. Without --config it "
    "is looked for in this folder and in /etc/sinetti."
)
NO_STORE_YET = gettext_noop(
    "{path} names the store {store}, which is not there yet: the first “sinetti enrol” or “sinetti adopt” makes it. If "
    "there is one elsewhere, correct “store”."
)
NOT_GIVEN = gettext_noop("{option} is missing: give it, or write “{key}” into {path}.")
NOT_GIVEN_ANYWHERE = gettext_noop("{option} is missing: give it, or --config FILE with a sinetti.toml that says it.")
ADDRESS_ALONE = gettext_noop(
    "{path} has no service with the address {address}, so {option} is missing: give it too, or write a table "
    "[services.NAME]."
)
