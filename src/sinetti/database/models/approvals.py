"""Tables of officers, proposals, first signatories and clerks' persons.

They have no behaviour.
"""

from django.db import models
from django.db.models import Q

from sinetti.database.models.core import random_key
from sinetti.domain.approvals.acts import OfficerRole
from sinetti.domain.approvals.proposals import ProposalState


class OfficerRecord(models.Model):
    """An officer with the line of their SSH key.

    A key belongs to one officer, also after the officer's removal. `attestation` is a digest.
    """

    officer_id = random_key()
    name = models.CharField(max_length=40)
    role = models.CharField(
        max_length=16, choices=[(officer_role.value, officer_role.value) for officer_role in OfficerRole]
    )
    key = models.TextField()
    fingerprint = models.CharField(max_length=60)
    attestation = models.CharField(max_length=64, blank=True)
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        """One officer for each key, and one in force for each name."""

        constraints = (
            models.UniqueConstraint(fields=["fingerprint"], name="one_officer_per_key"),
            models.UniqueConstraint(fields=["name"], condition=Q(removed_at__isnull=True), name="one_officer_per_name"),
        )


class ApprovalSetting(models.Model):
    """The strictest value of a setting of approvals that was ever in effect.

    `name` is that of an act, with a number of people, or "officer_keys". Officers lower it together.
    """

    name = models.CharField(max_length=20, primary_key=True)
    value = models.CharField(max_length=20)


class ActProposal(models.Model):
    """A proposal of an act that takes two people.

    `octets` are what officers sign (domain/approvals/proposals.py).
    """

    proposal_id = random_key()
    act = models.CharField(max_length=20)
    octets = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    proposer = models.CharField(max_length=40)
    state = models.CharField(
        max_length=10, choices=[(proposal_state.value, proposal_state.value) for proposal_state in ProposalState]
    )
    created = models.DateTimeField()
    expires = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Index of proposals that wait, newest first."""

        indexes = (
            models.Index(fields=["created"], condition=Q(ended_at__isnull=True), name="act_proposals_that_wait"),
        )


class ActSignature(models.Model):
    """The signature of an officer over the octets of a proposal."""

    number = models.BigAutoField(primary_key=True)
    proposal = models.ForeignKey(ActProposal, on_delete=models.PROTECT, related_name="signatures", db_index=False)
    officer = models.ForeignKey(OfficerRecord, on_delete=models.PROTECT, related_name="signatures", db_index=False)
    signature = models.BinaryField()
    signed_at = models.DateTimeField()

    class Meta:
        """One signature of an officer for each proposal."""

        constraints = (models.UniqueConstraint(fields=["proposal", "officer"], name="one_signature_per_officer"),)


class SignatoryNaming(models.Model):
    """The naming of an organisation's first signatory, who may act from `ends_at` on.

    `person` has the organisation's address to which the link for a veto was sent, if there is one. The row has the
    SHA-256 of the link's token (domain/link_tokens.py).
    """

    number = models.BigAutoField(primary_key=True)
    naming_id = models.CharField(max_length=32)
    mandate = models.ForeignKey(
        "sinetti.RoleAssignment", on_delete=models.PROTECT, related_name="namings", db_index=False
    )
    person = models.ForeignKey(
        "sinetti.Person", null=True, on_delete=models.SET_NULL, related_name="namings", db_index=False
    )
    token_sha256 = models.CharField(max_length=64)
    created = models.DateTimeField()
    ends_at = models.DateTimeField()
    vetoed_at = models.DateTimeField(null=True)

    class Meta:
        """Uniqueness of ids, and an index by role assignment."""

        constraints = (models.UniqueConstraint(fields=["naming_id"], name="one_naming_per_id"),)
        indexes = (models.Index(fields=["mandate"], name="namings_by_role"),)


class StaffPerson(models.Model):
    """The verified person of a clerk's account.

    `digest` is an HMAC of the person's ID under a key of the instance. A row stays after the account's rights were
    withdrawn (`ended_at`), so that proposals of that account still name its person.
    """

    number = models.BigAutoField(primary_key=True)
    user = models.ForeignKey("sinetti.User", on_delete=models.CASCADE, related_name="staff_persons", db_index=False)
    digest = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """One account in force for each person, and one person for each account."""

        constraints = (
            models.UniqueConstraint(fields=["digest"], condition=Q(ended_at__isnull=True), name="one_clerk_per_person"),
            models.UniqueConstraint(fields=["user"], condition=Q(ended_at__isnull=True), name="one_person_per_clerk"),
        )
        indexes = (models.Index(fields=["user"], name="staff_persons_by_account"),)
