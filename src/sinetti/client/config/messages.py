"""Message ids about sinetti.toml, in English."""

from sinetti.i18n.translate import mark, mark_count

IN_LINE = mark("{path}, line {line}: {told}")
IN_FILE = mark("{path}: {told}")
MORE = mark_count("{path}: {count} more mistake is not shown.", "{path}: {count} more mistakes are not shown.")

NOT_READABLE = mark("the file cannot be read: {why}.")
FOREIGN = mark(
    "the file names programs that run with your rights, and {path} belongs to {owner}. Nothing was run: look at the "
    "file, and if you trust it, name it with --config."
)
WRITABLE = mark(
    "the file names programs that run with your rights, and others can write {path}. Nothing was run: look at the "
    "file, then run: chmod go-w {path}"
)
NOT_FOR_ROOT = mark(
    "The sinetti.toml in this folder does not count for root: other users may have put it there. Look at the file, "
    "then name it with --config, or move it to /etc/sinetti."
)
BYTE_ORDER_MARK = mark("the file begins with a byte order mark. Save it as UTF-8 without one.")
UTF_16 = mark("the file is UTF-16. Save it as UTF-8 without a byte order mark.")
NOT_UTF_8 = mark("this is not UTF-8. Save the file as UTF-8.")
NOT_TOML = mark(
    "this is no TOML: {why}. Texts stand in quotes, lists in square brackets, and each key and each table once."
)

UNKNOWN = mark("“{key}” is not known here. Known are: {known}.")
MEANT = mark("“{key}” is not known here. Did you mean “{nearest}”?")
ELSEWHERE = mark("“{key}” belongs in the table [{table}].")
ABOVE = mark("“{key}” belongs at the top, above the first line in square brackets.")
DOTTED = mark("A name with a dot in it stands in quotes. Write: [{table}]")
MISSING = mark("“{key}” is missing here. Write a line such as: {example}")
NO_TEXT = mark("“{key}” needs a text in quotes. Write a line such as: {example}")
NO_TEXTS = mark("“{key}” needs a list of texts. Write a line such as: {example}")
NO_NUMBER = mark("“{key}” needs a whole number from {least} to {most}, without quotes. Write a line such as: {example}")
NO_TABLE = mark("“{key}” is a table: write [{table}] on a line of its own and its keys below it.")
NO_DURATION = mark(
    "“{key}” needs a time from {least} to {most}: days, hours, minutes or seconds, such as “10d”, “6h”, “5m”, “60s”."
)
NO_WINDOW = mark("“{value}” is no maintenance window. Write it like “Mon-Fri 18:00-06:00”, “Sat-Sun” or “02:00-04:00”.")
NO_ZONE = mark("“{value}” is no time zone. Write one such as “Europe/Helsinki”.")
NO_SUCH_CHOICE = mark("“{value}” does not do for “{key}”. Write one of: {choices}.")
NO_MODE = mark("“{value}” is no mode of a file. Write it in quotes, such as “0600”.")
MODE_FOR_ALL = mark(
    "With the mode “{value}” others could read or exchange private keys. Write “0600”, or “0640” together with “group”."
)
MODE_FOR_A_GROUP = mark("The mode “{value}” lets a group read private keys. Say which with “group”, or write “0600”.")
NO_HOOK = mark(
    "“{key}” needs a list of the program and its arguments; there is no shell. Write a line such as: {example}"
)
NO_CUSTOMER_ID = mark("“{value}” is no customer ID: it has letters A–Z, digits, dots, slashes and hyphens, at most 30.")
NO_USER = mark("There is no user “{value}” on this machine.")
NO_GROUP = mark("There is no group “{value}” on this machine.")
NO_OWNERS = mark("“{key}” is not for this system: files have no owner or group of that kind here. Leave the line out.")
NO_SERVICE = mark("There is no table [services.{value}]. Known services are: {known}.")
NO_SERVICES = mark("There is no table [services.{value}]. Write one, with the address of the service and its anchors.")
NO_PASSWORD = mark("PKCS#12 files need a password: name the file that holds it with “password_file”.")
WITH_TOKEN = mark("Keys in a token stay there: “{key}” does not go with a table “token”.")
TWICE = mark(
    "“{name}” and “{other}” are one folder where capital letters do not count. Choose another name for one of them."
)
NOT_USABLE = mark("“{key}”: {why}.")
FILE_NOT_USABLE = mark("“{key}”: {path} cannot be used: {why}.")
NO_SECRET = mark("“{key}”: {path} is empty. Write the secret into it.")
NO_PKCS12_SECRET = mark(
    "“{key}”: {path} holds no password that a PKCS#12 file takes: that is one line of UTF-8, without a byte order "
    "mark. Save the file so."
)
OPEN_BUNDLE = mark(
    "“{key}”: others can write {path}, and could have this client trust a CA of theirs. Look at the file, then run: "
    "chmod go-w {path}"
)
OPEN_SECRET = mark("“{key}”: {path} can be read by others. Run: chmod 600 {path}")
A_FILE = mark("“{key}”: {path} is a file; a folder is needed.")

OTHER_ENVIRONMENT = mark(
    "{name} is of the environment {kept}, but [services.{service}] in {path} is of {wanted}. Nothing was changed: "
    "choose another service for this name there, or another name for the certificate of the other environment."
)
OTHER_CUSTOMER = mark(
    "{name} holds a certificate of {kept}, but [certificates.{name}] in {path} says {wanted}. Nothing was changed: "
    "correct the line there, or choose another name."
)

OTHER_PASSWORD = mark(
    "The key of {name} is encrypted with the password in {kept}, but {path} says otherwise. Nothing was changed: let "
    "key_password_file name that password, in its table too, and have no token there."
)

NO_STORE = mark(
    "Say where the store is: give --store DIR, or --config FILE with a sinetti.toml that says it. Without --config it "
    "is looked for in this folder and in /etc/sinetti."
)
NO_STORE_YET = mark(
    "{path} names the store {store}, which is not there yet: the first “sinetti enrol” or “sinetti adopt” makes it. If "
    "there is one elsewhere, correct “store”."
)
NOT_GIVEN = mark("{option} is missing: give it, or write “{key}” into {path}.")
NOT_GIVEN_ANYWHERE = mark("{option} is missing: give it, or --config FILE with a sinetti.toml that says it.")
ADDRESS_ALONE = mark(
    "{path} has no service with the address {address}, so {option} is missing: give it too, or write a table "
    "[services.NAME]."
)
