"""Message ids about sinetti.toml, in English."""

from sinetti.i18n.translate import gettext_noop, ngettext_noop

IN_LINE = gettext_noop("{path}, line {line}: {message}")
IN_FILE = gettext_noop("{path}: {message}")
MORE = ngettext_noop("{path}: {count} more error is not shown.", "{path}: {count} more errors are not shown.")

NOT_READABLE = gettext_noop("The file cannot be read: {why}.")
FOREIGN = gettext_noop(
    "This file names programs that run with your permissions, but {path} belongs to {owner}. No program "
    "was run. Check the file. If you trust it, name it with --config."
)
WRITABLE = gettext_noop(
    "This file names programs that run with your permissions, but other users can change {path}. No "
    "program was run. Check the file, then run: chmod go-w {path}"
)
NOT_FOR_ROOT = gettext_noop(
    "The sinetti.toml in this folder is not used when you are root, because another user may have put it "
    "there. Check the file. Then name it with --config, or move it to /etc/sinetti."
)
BYTE_ORDER_MARK = gettext_noop("The file begins with a byte order mark (BOM). Save it as UTF-8 without one.")
UTF_16 = gettext_noop("The file is UTF-16. Save it as UTF-8 without a byte order mark (BOM).")
NOT_UTF_8 = gettext_noop("This is not UTF-8. Save the file as UTF-8.")
NOT_TOML = gettext_noop(
    "This is not valid TOML: {why}. Put text in quotes and lists in square brackets, and write each key "
    "and each table only once."
)

UNKNOWN = gettext_noop("Unknown key “{key}”. The keys allowed here are {known}.")
MEANT = gettext_noop("Unknown key “{key}”. Did you mean “{nearest}”?")
ELSEWHERE = gettext_noop("“{key}” belongs in the table [{table}].")
ABOVE = gettext_noop("“{key}” belongs at the top of the file, above the first line in square brackets.")
DOTTED = gettext_noop("Put a name that contains a dot in quotes. Write: [{table}]")
MISSING = gettext_noop("“{key}” is missing. Add a line such as: {example}")
NO_TEXT = gettext_noop("“{key}” must be text in quotes, for example: {example}")
NO_FLAG = gettext_noop("“{key}” must be true or false, for example: {example}")
NO_TEXTS = gettext_noop("“{key}” must be a list of texts, for example: {example}")
NO_VERIFIER_KEY = gettext_noop("“{key}” needs verifier keys (NAME+ID+KEY), for example: {example}")
NO_WITNESSES = gettext_noop(
    "“log_cosignatures” demands more witnesses than “{key}” names. Add a key for each of them, for example: {example}"
)
NO_NUMBER = gettext_noop(
    "“{key}” must be a whole number from {least} to {most}, without quotes, for example: {example}"
)
NO_TABLE = gettext_noop("“{key}” is a table. Write [{table}] on a line of its own and its keys below it.")
NO_DURATION = gettext_noop(
    "“{key}” must be a time from {least} to {most} in days, hours, minutes or seconds, such as “10d”, "
    "“6h”, “5m” or “60s”."
)
NO_WINDOW = gettext_noop(
    "“{value}” is not a maintenance window. Write for example “Mon-Fri 18:00-06:00”, “Sat-Sun” or “02:00-04:00”."
)
NO_ZONE = gettext_noop("“{value}” is not a time zone. Write one such as “Europe/Helsinki”.")
NO_SUCH_CHOICE = gettext_noop("“{value}” is not allowed for “{key}”. Use one of: {choices}.")
NO_MODE = gettext_noop("“{value}” is not a file mode. Write it in quotes, for example “0600”.")
MODE_FOR_ALL = gettext_noop(
    "The mode “{value}” is not allowed for private keys. Write “0600”, or “0640” together with “group”."
)
MODE_FOR_A_GROUP = gettext_noop(
    "The mode “{value}” lets a group read private keys. Name the group with “group”, or write “0600”."
)
NO_HOOK = gettext_noop(
    "“{key}” must be a list of the program and its arguments. It is not run in a shell. Write for example: {example}"
)
NO_CUSTOMER_ID = gettext_noop(
    "“{value}” is not a customer ID. A customer ID has at most 30 characters: letters A–Z, digits, dots, "
    "slashes and hyphens."
)
NO_USER = gettext_noop("This machine has no user “{value}”.")
NO_GROUP = gettext_noop("This machine has no group “{value}”.")
NO_OWNERS = gettext_noop(
    "“{key}” cannot be used on this operating system, where files have no such owner or group. Remove the line."
)
NO_SERVICE = gettext_noop("There is no table [services.{value}]. The services in this file are {known}.")
NO_SERVICES = gettext_noop(
    "There is no table [services.{value}]. Add it, with the address of the service and its trusted CAs."
)
NO_PASSWORD = gettext_noop("PKCS#12 files need a password. Name the file that contains it with “password_file”.")
WITH_TOKEN = gettext_noop("Keys in a token cannot leave it, so “{key}” cannot be used together with a “token” table.")
TWICE = gettext_noop(
    "“{name}” and “{other}” are the same folder on systems that ignore upper and lower case. Rename one of them."
)
NOT_USABLE = gettext_noop("“{key}”: {why}.")
FILE_NOT_USABLE = gettext_noop("“{key}”: {path} cannot be used: {why}. Correct the path or the file.")
NO_SECRET = gettext_noop("“{key}”: {path} is empty. Write the password or PIN in it.")
NO_PKCS12_SECRET = gettext_noop(
    "“{key}”: {path} does not contain a password for a PKCS#12 file. Save the password as one line of "
    "UTF-8 without a byte order mark (BOM)."
)
OPEN_BUNDLE = gettext_noop(
    "“{key}”: other users can change {path} and could make this program trust a CA of their own. Check "
    "the file, then run: chmod go-w {path}"
)
OPEN_SECRET = gettext_noop("“{key}”: other users can read {path}. Run: chmod 600 {path}")
A_FILE = gettext_noop("“{key}”: {path} is a file, but a folder is needed.")

OTHER_ENVIRONMENT = gettext_noop(
    "{name} belongs to the environment {kept}, but [services.{service}] in {path} belongs to {wanted}. "
    "Nothing was changed. Choose another service for this name in that file, or another name for the "
    "certificate of the other environment."
)
OTHER_CUSTOMER = gettext_noop(
    "{name} has a certificate of {kept}, but [certificates.{name}] in {path} names {wanted}. Nothing was "
    "changed. Correct that line, or choose another name."
)
OTHER_ISSUER = gettext_noop(
    "trust_holders in {path} is of another service: none of its CAs issues certificates such as {name}. "
    "Nothing was changed. Correct that file."
)

OTHER_PASSWORD = gettext_noop(
    "The key of {name} is encrypted with the password in {kept}, but {path} has other settings. Nothing "
    "was changed. Name that password file with key_password_file, also in the table of this name, and "
    "remove any token from it."
)

NO_STORE = gettext_noop(
    "No store was given. Use --store DIR, or --config FILE with a sinetti.toml that names the store. "
    "Without --config, sinetti looks for sinetti.toml in this folder and in /etc/sinetti."
)
NO_STORE_YET = gettext_noop(
    "The store {store}, named in {path}, does not exist yet. The first “sinetti enrol” or “sinetti adopt” "
    "creates it. If you already have a store elsewhere, correct “store”."
)
NO_CERTIFICATE_TABLE = gettext_noop(
    "{path} has no table [certificates.{name}], so --customer-id is missing. Correct the name, add the table, "
    "or use the option."
)
NOT_GIVEN = gettext_noop("{option} is missing. Use the option, or write “{key}” in {path}.")
NOT_GIVEN_ANYWHERE = gettext_noop(
    "{option} is missing. Use the option, or --config FILE with a sinetti.toml that contains it."
)
ADDRESS_ALONE = gettext_noop(
    "{path} has no service with the address {address}, so {option} is missing. Use the option, or add a "
    "table [services.NAME]."
)
