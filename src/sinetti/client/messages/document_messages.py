"""Message ids about sealed documents, deliveries and receipts, in English.

The catalogues translate them.
"""

from sinetti.i18n.translate import gettext_noop

NOT_FOR_THIS = gettext_noop("{path} is not an XML document that can be sealed: {why}.")
SEALED = gettext_noop("{path} is sealed by {name} ({customer_id}) with certificate {serial}.")
SEAL_GOOD = gettext_noop(
    "The seal is valid. The document is sealed by {name} ({customer_id}) with certificate {serial}, valid "
    "until {until}."
)
SEAL_MISSING = gettext_noop("Refused: the document has no signature.")
SEAL_BROKEN = gettext_noop(
    "Refused: the signature does not match the document ({why}). Ask the sender for the document exactly "
    "as it was sealed."
)
SEAL_UNTRUSTED = gettext_noop("Refused: the signer's certificate was not issued by a CA in --trust-holders.")
SEAL_WRONG_PURPOSE = gettext_noop(
    "Refused: the signer's certificate is not an organisation's certificate. It was issued for another purpose."
)
SEAL_EXPIRED = gettext_noop("Refused: the signer's certificate expired on {until}.")
SEAL_NOT_YET = gettext_noop(
    "Refused: the signer's certificate is valid only from {at}, but this computer's clock says {now}."
)
SEAL_CA_EXPIRED = gettext_noop(
    "Refused: the certificate of the CA that issued the signer's certificate expired on {until}."
)
SEAL_CA_NOT_YET = gettext_noop(
    "Refused: the certificate of the CA that issued the signer's certificate is valid only from {at}, but "
    "this computer's clock says {now}."
)
SEAL_REVOKED_SIGNER = gettext_noop(
    "{name}: the certificate is revoked, so it cannot be used for sealing. Order a new one."
)
SEAL_EXPIRED_SIGNER = gettext_noop(
    "{name}: the certificate expired on {until}, so it cannot be used for sealing. Order a new one."
)
SEAL_EARLY_SIGNER = gettext_noop(
    "{name}: the certificate is valid only from {at}, but the clock here says {now}. Nothing was sealed. "
    "Set the clock. On a test bench, use --now."
)
DELIVERED = gettext_noop(
    "{path} was delivered and accepted. It was received on {at} with delivery ID {delivery_id}. The "
    "receipt is in {receipt}."
)
DELIVERED_BEFORE = gettext_noop(
    "{path} was already delivered. It was received on {at} with delivery ID {delivery_id}. Nothing was "
    "sent. The receipt is in {receipt}. To deliver it again, use --new."
)
DELIVERED_UNDER_ID = gettext_noop(
    "{path} was already delivered with this delivery ID ({delivery_id}) and received on {at}. Nothing was "
    "sent. The receipt is in {receipt}. To deliver it again, use --new with another --id or without --id."
)
DELIVERED_ALREADY = gettext_noop(
    "{path} was already delivered. It was received on {at} with delivery ID {delivery_id}. To deliver it "
    "again, use --new."
)
DELIVERY_RESUMED = gettext_noop(
    "An earlier delivery got no receipt. It continues with the same delivery ID {delivery_id}."
)
DELIVERY_REFUSED = gettext_noop("The receiver refused the delivery ({reason}): {detail}")
ASK_WHETHER_REVOKED = gettext_noop(
    "The receiver's answer is not signed, so “sinetti status” does not change. To ask the service whether "
    "the certificate is revoked, run “sinetti renew {name} --force”."
)
DELIVERY_AGAIN = gettext_noop(
    "Run the same command again. It sends the same delivery, which the receiver accepts only once."
)
DELIVERY_CORRECT = gettext_noop("Fix this, then run the command again.")
DELIVERED_BUT_KEPT = gettext_noop(
    "{path} was accepted, and its receipt is in the store, but it cannot be written to {receipt}: {why}. "
    "Run the same command again with another --receipt."
)
RECEIVER_NOT_REACHED = gettext_noop("Cannot connect to {host} on port {port}: {why}. Check --to.")
RECEIVER_TLS_NOT_TRUSTED = gettext_noop(
    "The server certificate of {host} is not trusted: {why}. Check --to. If the receiver uses its own CA, "
    "name its CA file with --tls-ca."
)
RECEIVER_REDIRECTS = gettext_noop("The receiver redirects to another address. Redirects are not followed. Check --to.")
RECEIVER_STATUS = gettext_noop("The receiver answered with HTTP status {status} instead of a signed receipt.")
RECEIVER_WRONG_ADDRESS = gettext_noop(
    "The receiver answered with HTTP status {status} instead of a signed receipt. Check --to. On a test "
    "bench, it is status_url followed by /deliveries."
)
RECEIPT_TOO_LONG = gettext_noop("The answer is too long to be a receipt. It was not read.")
RECEIPT_NOT_TRUSTED = gettext_noop(
    "The receipt is not trusted, because its signer's certificate was not issued by a CA in "
    "--trust-services. Check that --trust-services (or trust_services in sinetti.toml) names the CA file "
    "of this service."
)
RECEIPT_INVALID = gettext_noop("The signature of the receipt is not valid: {why}.")
RECEIPT_UNREADABLE = gettext_noop("The answer is not a readable receipt: {why}.")
RECEIPT_OF_ANOTHER = gettext_noop("The receipt is for another delivery or for other content than was sent.")
RECEIPT_OF_THE_FUTURE = gettext_noop(
    "The receipt says that the delivery was received on {at}, but the clock here says {now}. Set the "
    "clock. On a test bench, use --now."
)
RECEIPT_SIGNER_NOT_THEN = gettext_noop(
    "Refused: the certificates behind the receipt were not all valid on {at}, when the delivery was "
    "received according to the receipt."
)
RECEIPT_NOT_FOR_THIS = gettext_noop(
    "Refused: the receipt is not for {path}. It covers the content that was sent, including the "
    "signature. In the sender's store, that file is sealed.xml."
)
RECEIPT_GOOD = gettext_noop(
    "The receipt is valid. {path} was received on {at} with delivery ID {delivery_id}. It is sealed by "
    "{name} ({customer_id}) with certificate {serial}."
)
RECEIPT_IN_STORE = gettext_noop(
    "{path} is inside the store {store}, which contains keys. Nothing was sent. Choose a place outside "
    "the store with --receipt."
)
BAD_DELIVERY_ID = gettext_noop(
    "“{delivery_id}” is not a valid delivery ID. Use at most 64 characters: letters A–Z and a–z, digits and hyphens."
)
BAD_RECEIVER = gettext_noop("--to: {why}.")
JSON_NEEDS_OUT = gettext_noop("--json and the sealed document cannot both go to standard output. Use --out as well.")
