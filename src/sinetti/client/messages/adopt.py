"""What is said while a key and a certificate are taken over: every message id in one place (docs/agent.md)."""

from sinetti.i18n.translate import gettext_noop

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
