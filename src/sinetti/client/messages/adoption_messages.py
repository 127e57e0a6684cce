"""Message ids about the adoption of a certificate, in English.

The catalogues translate them.
"""

from sinetti.i18n.translate import gettext_noop

ADOPTED = gettext_noop(
    "{name}: certificate {serial} was adopted and is valid until {until}. The key and the certificate are "
    "in {folder}, and the original files are unchanged. Make your programs use {folder} from now on."
)
ADOPTED_IN_CLEAR = gettext_noop(
    "{name}: the key was protected with a password. In the store it has none, and only its owner can read "
    "it. To keep the keys of later renewals encrypted, set key_password_file in sinetti.toml."
)
ADOPTED_BEFORE = gettext_noop(
    "{name}: certificate {serial} has already been adopted and is valid until {until}. No action needed."
)
ADOPT_NAME_USED = gettext_noop(
    "{name} already has another certificate ({serial}). Nothing was changed. Choose another name."
)
ADOPT_NAME_ASKS = gettext_noop("{name} has a pending request. Nothing was changed. Choose another name.")
ADOPT_HELD = gettext_noop(
    "The store already has this certificate under the name {other}. Nothing was changed, because both "
    "names would renew it."
)
ADOPT_EXPIRED = gettext_noop(
    "The certificate expired on {until}, so it cannot be renewed and was not adopted. Order a replacement "
    "in the e-service, then run “sinetti enrol {name}” with its transfer IDs."
)
ADOPT_MISFIT = gettext_noop(
    "{path} contains no certificate for this private key. Give the certificate that belongs to the key."
)
ADOPT_NO_KEY = gettext_noop("{path} contains no private key. Export the certificate together with its key.")
ADOPT_ALIASES = gettext_noop("{path} contains several private keys. Choose one with --alias: {aliases}")
ADOPT_ENCRYPTED = gettext_noop(
    "{path} is encrypted. Write its passphrase in a file, and name the file with --password-file."
)
ADOPT_NO_PASSWORD = gettext_noop(
    "{path} is protected with a password. Write the password in a file, and name the file with --password-file."
)
ADOPT_NO_PKCS12 = gettext_noop("{path} is not a PKCS#12 file.")
ADOPT_WRONG_PASSWORD = gettext_noop(
    "The password of {path} is wrong. Correct the file that --password-file names, then run the command again."
)
ADOPT_JAVA = gettext_noop("{path} is a Java key store. Give it with --jks.")
ADOPT_NO_KEYTOOL = gettext_noop(
    "{path} needs Java's keytool, which is not installed here. On a computer with Java, run: keytool "
    "-importkeystore -srckeystore {path} -destkeystore key.p12 -deststoretype PKCS12 – then give key.p12 "
    "with --pkcs12."
)
ADOPT_KEYTOOL = gettext_noop("keytool cannot read {path}: {why}")
ADOPT_ONE_SOURCE = gettext_noop("Give --key with --certificate, or --pkcs12, or --jks.")
ADOPT_NO_SERVICE = gettext_noop(
    "The certificate was issued by “{issuer}”, which is not a trusted CA for holders in any service "
    "({services}). Add the CA to the service's trust_holders file, or add a table for the service that "
    "the certificate belongs to."
)
ADOPT_NOT_OF_SERVICE = gettext_noop(
    "The certificate was issued by “{issuer}”, which is not a trusted CA for holders of {services}. "
    "Nothing was adopted. Give the service that the certificate belongs to, or the right CA file."
)
ADOPT_SERVICES = gettext_noop(
    "The certificate may belong to several services ({services}). Set service in the table "
    "[certificates.{name}] of {path}, then run the command again."
)
ADOPT_OTHER_TABLE = gettext_noop(
    "The certificate belongs to {services}, but {path} has the service {service} for {name}. Correct "
    "service in the table [certificates.{name}], then run the command again."
)
ADOPT_NOT_HOLDERS = gettext_noop(
    "The certificate is not an organisation's certificate. It was issued for another purpose."
)
ADOPT_OTHER_WORLD = gettext_noop(
    "The certificate belongs to the environment {found}, but {service} belongs to {wanted}."
)
ADOPT_OTHER_CUSTOMER = gettext_noop(
    "The certificate has the customer ID {found}, but {wanted} was expected. Nothing was adopted."
)
ADOPT_NO_CUSTOMER = gettext_noop("The certificate contains no readable customer ID.")
ADOPT_KEY_PASSWORD = gettext_noop(
    "{path}: this key has a different password from the key store. Write it in a file, and name the file "
    "with --key-password-file."
)
ADOPT_SEVERAL = gettext_noop(
    "{path} contains certificates for several keys: {serials}. Choose one. Give the file with --jks, and "
    "the key's name in it with --alias, as keytool -list shows it."
)
