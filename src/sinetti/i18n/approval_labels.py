"""Labels of proposals: acts, what cannot be undone, and fields."""

from collections.abc import Mapping

from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.i18n.translate import gettext_noop

ACTS: Mapping[TwoPersonAct, str] = {
    TwoPersonAct.BULK_REVOCATION: gettext_noop("Revoke many certificates"),
    TwoPersonAct.CA: gettext_noop("Sign the revocation lists of root and intermediate CAs"),
    TwoPersonAct.CEREMONY: gettext_noop("Move or destroy the keys of CAs"),
    TwoPersonAct.SECRETS: gettext_noop("Change secrets of the authority"),
    TwoPersonAct.STAFF: gettext_noop("Give an account clerk's rights"),
    TwoPersonAct.OFFICERS: gettext_noop("Change the officers"),
    TwoPersonAct.SETTINGS: gettext_noop("Change how many people an act takes"),
    TwoPersonAct.ORGANISATION_END: gettext_noop("End an organisation"),
    TwoPersonAct.ORGANISATION_MERGE: gettext_noop("Merge an organisation into another"),
    TwoPersonAct.ORGANISATION_NAME: gettext_noop("Change the name of an organisation"),
    TwoPersonAct.SIGNATORY: gettext_noop("Name a signatory of an organisation"),
    TwoPersonAct.RESUME: gettext_noop("Accept the clock and resume issuance"),
}
"""Names of the acts."""

NOT_UNDONE: Mapping[TwoPersonAct, str] = {
    TwoPersonAct.BULK_REVOCATION: gettext_noop("Revocation is permanent: the holders need new certificates."),
    TwoPersonAct.CA: gettext_noop("Published lists stay valid until they end."),
    TwoPersonAct.CEREMONY: gettext_noop("The keys are removed from the folder of the authority."),
    TwoPersonAct.SECRETS: gettext_noop(
        "The former pass-phrase file or the former key of the log is replaced, or all keys move to the folder of a "
        "signer."
    ),
    TwoPersonAct.STAFF: gettext_noop("The account sees the data of all organisations until its rights are withdrawn."),
    TwoPersonAct.OFFICERS: gettext_noop("The key of a removed officer is never accepted again."),
    TwoPersonAct.SETTINGS: gettext_noop("Acts that fewer people do meanwhile stay done."),
    TwoPersonAct.ORGANISATION_END: gettext_noop("An organisation that has ended gets no certificates ever again."),
    TwoPersonAct.ORGANISATION_MERGE: gettext_noop("An organisation that has ended gets no certificates ever again."),
    TwoPersonAct.ORGANISATION_NAME: gettext_noop("Certificates that were issued meanwhile keep the name."),
    TwoPersonAct.SIGNATORY: gettext_noop("What the signatory orders or grants meanwhile stays."),
    TwoPersonAct.RESUME: gettext_noop("Certificates that are issued with a wrong time stay wrong."),
}
"""Sentence on what cannot be undone."""

FIELDS: Mapping[str, str] = {
    "after": gettext_noop("From now on"),
    "along": gettext_noop("Revoked with them, as renewals"),
    "attestation": gettext_noop("Attestation"),
    "attested_by": gettext_noop("Maker of the authenticator, as its certificate says"),
    "attested_issuer": gettext_noop("Issuer of that certificate, which was not verified"),
    "attested_sha256": gettext_noop("SHA-256 of that certificate"),
    "authority": gettext_noop("Issuing CA"),
    "authorities": gettext_noop("CAs"),
    "before": gettext_noop("So far"),
    "certificates": gettext_noop("Certificates"),
    "challenge": gettext_noop("Challenge of the attestation"),
    "change": gettext_noop("Change"),
    "channel": gettext_noop("Channel"),
    "count": gettext_noop("Number of certificates"),
    "customer_id": gettext_noop("ID of the organisation"),
    "description": gettext_noop("Description"),
    "email": gettext_noop("E-mail address"),
    "ends": gettext_noop("Valid until"),
    "fingerprint": gettext_noop("Fingerprint of the key"),
    "in_force": gettext_noop("Certificates in force"),
    "invalid_since": gettext_noop("Keys compromised since"),
    "invite": gettext_noop("Invitation by e-mail"),
    "issued_from": gettext_noop("Issued from"),
    "issued_until": gettext_noop("Issued until"),
    "key": gettext_noop("Key"),
    "keys": gettext_noop("Keys, each with the SHA-256 of its public half"),
    "language": gettext_noop("Language"),
    "last_seen": gettext_noop("Last seen by a gateway"),
    "letters": gettext_noop("Messages to be sent"),
    "name": gettext_noop("Name"),
    "newest": gettext_noop("Newest time in the register"),
    "now": gettext_noop("Time of the machine"),
    "offline_dir": gettext_noop("Folder of the offline keys"),
    "organisation": gettext_noop("Organisation"),
    "organisations": gettext_noop("Number of organisations"),
    "passed_over": gettext_noop("Skipped, as revoked or expired"),
    "people": gettext_noop("People"),
    "person": gettext_noop("Verified person (digest)"),
    "phone": gettext_noop("Telephone number"),
    "public_key": gettext_noop("Public key"),
    "reason": gettext_noop("Reason"),
    "recipient": gettext_noop("Recipient"),
    "role": gettext_noop("Role"),
    "selected_by": gettext_noop("Selected by"),
    "serial": gettext_noop("Serial number"),
    "serves": gettext_noop("Used for other organisations"),
    "settings": gettext_noop("Settings"),
    "signatories": gettext_noop("Signatories so far"),
    "subject": gettext_noop("Subject"),
    "to": gettext_noop("New file"),
}
"""Labels of the parameters and of the context."""
