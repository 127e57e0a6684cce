"""Tables of the e-service: accounts, invitations, requests for a right, applications for the technical interface.

Fields and constraints, as in models.py. Instants are the office's clock's. Second factors and sessions have tables of
their own, which are those of django-allauth and Django.

Tables of secure messages and their PIN codes: fields and constraints, as in models.py. No secret is in them.
"""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.db import models

from sinetti.database.sql import random_id
from sinetti.domain.access.pending_invitations import InvitationProposal
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.applications import ApplicationState
from sinetti.domain.values import Language


def _key() -> "models.CharField[str, str]":
    return models.CharField(max_length=32, primary_key=True, default=random_id, editable=False)


class User(AbstractBaseUser, PermissionsMixin):
    """Who signs in to the e-service: signing up gives no right.

    The one user model, from the first migration.

    `is_staff` makes a clerk.
    """

    user_id = _key()
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True, db_default="")
    language = models.CharField(max_length=2, choices=[(one.value, one.value) for one in Language], default=Language.EN)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created = models.DateTimeField()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []


class CacheEntry(models.Model):
    """Entries of the cache that all processes share (database/operations/cache_backend.py).

    The key is a SHA-256, the value JSON.
    """

    key = models.CharField(max_length=64, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)


class Invitation(models.Model):
    """Single-use links by which accounts accept invitations.

    The row has the SHA-256 (domain/link_tokens.py).

    It opens nothing alone: whoever has it signs in first. `mandate` is what it gives once `used_at`. `vouched`: a
    representative or an operator made it, or a second person confirmed what a clerk asked for; without, it gives no
    signatory's role. Rows of older code have it not (docs/mandates.md).
    """

    invitation_id = _key()
    mandate = models.ForeignKey("sinetti.RoleAssignment", on_delete=models.PROTECT, related_name="invitations")
    token_sha256 = models.CharField(max_length=64)
    created = models.DateTimeField()
    expires = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey("sinetti.User", null=True, on_delete=models.SET_NULL, related_name="invitations")
    ended_at = models.DateTimeField(null=True)
    vouched = models.BooleanField(default=False, db_default=False)

    class Meta:
        """Tokens are unique by a constraint, which makes no second index of them."""

        constraints = (models.UniqueConstraint(fields=["token_sha256"], name="one_invitation_per_token"),)


class RoleRequest(models.Model):
    """Somebody, or a firm for itself, asks an organisation for a role; its signatories answer.

    The organisation is named as it was asked (`normalised_id` as in Organisation), since whoever asks is not told
    whether it is in the register. `agent` is the firm that the role is for; without one it is for the user who asks.
    `until` is the end that was asked for. `answered_at` with a `mandate` is a yes, without one a no.
    """

    request_id = _key()
    customer_id = models.CharField(max_length=30)
    normalised_id = models.CharField(max_length=60, db_index=True)
    user = models.ForeignKey("sinetti.User", null=True, on_delete=models.SET_NULL, related_name="asked")
    agent = models.ForeignKey(
        "sinetti.Organisation", null=True, on_delete=models.PROTECT, related_name="asked_for_clients"
    )
    role = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Role])
    until = models.DateTimeField(null=True)
    created = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    mandate = models.ForeignKey("sinetti.RoleAssignment", null=True, on_delete=models.PROTECT, related_name="requests")


class AccessApplication(models.Model):
    """An organisation applies for use of the technical interface, for these channels; a clerk decides.

    `case_number` is random, not counting. `reason` is the clerk's, in the party's language, and stands in the decision.
    `decision` is the whole text as it was decided: later settings or names change nothing in it.
    """

    application_id = _key()
    case_number = models.CharField(max_length=20, unique=True)
    organisation = models.ForeignKey("sinetti.Organisation", on_delete=models.PROTECT, related_name="applications")
    channels = models.JSONField()
    purpose = models.CharField(max_length=1000)
    software = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=2)
    user = models.ForeignKey("sinetti.User", null=True, on_delete=models.SET_NULL, related_name="applications")
    state = models.CharField(max_length=10, choices=[(one.value, one.value) for one in ApplicationState])
    created = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey("sinetti.User", null=True, on_delete=models.SET_NULL, related_name="decisions")
    reason = models.CharField(max_length=2000, blank=True)
    decision = models.TextField(blank=True)

    class Meta:
        """One at a time for each organisation.

        Those that wait for a decision are found by an index.
        """

        constraints = (
            models.UniqueConstraint(
                fields=["organisation"], condition=models.Q(state="open"), name="one_open_application_each"
            ),
        )
        indexes = (models.Index(fields=["created"], condition=models.Q(state="open"), name="applications_that_wait"),)


class OrganisationImport(models.Model):
    """A file of organisations that a clerk sent: what it would change, and how far that was carried out.

    `content` is there until the changes are accepted; `changes` and `wrong` are what was shown, `digest` tells them
    from others. `position` is how many changes are done, `passed_over` how many of these were so no more by then.
    Some changes need a second clerk: `proposed_by` asked for them, `accepted_by` confirmed or `ended_by` ended that,
    each the id of an account, or empty.
    """

    load_id = _key()
    user = models.ForeignKey("sinetti.User", null=True, on_delete=models.SET_NULL, related_name="loads")
    created = models.DateTimeField()
    content = models.BinaryField()
    changes = models.JSONField()
    wrong = models.JSONField()
    unchanged = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    accepted_at = models.DateTimeField(null=True)
    position = models.PositiveIntegerField(default=0)
    passed_over = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    proposed_by = models.CharField(max_length=32, blank=True, db_default="")
    proposed_at = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True)
    accepted_by = models.CharField(max_length=32, blank=True, db_default="")
    ended_by = models.CharField(max_length=32, blank=True, db_default="")
    ended_at = models.DateTimeField(null=True)


class LoneAct(models.Model):
    """One organisation that a clerk renamed or ended alone.

    These rows are counted for a day (docs/clerks.md).
    """

    number = models.BigAutoField(primary_key=True)
    clerk = models.CharField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        """Counted by clerk and time."""

        indexes = (models.Index(fields=["clerk", "at"], name="lone_acts_by_clerk"),)


class DailyCount(models.Model):
    """The letters or orders of one mailbox, account or firm in 24 hours.

    See domain/daily_limits.py. `key` is a digest, which names no one. `times` are whole seconds since 1970, and
    `newest` the last of them, on the machine's clock. A row that counts no more is deleted by retention.
    """

    number = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64)
    times = models.JSONField()
    newest = models.DateTimeField(db_index=True)

    class Meta:
        """Keys are unique by a constraint, which makes no second index of them."""

        constraints = (models.UniqueConstraint(fields=["key"], name="one_daily_count_per_key"),)


class PendingInvitation(models.Model):
    """An invitation of a signatory that a clerk asks for.

    It gives no role until a second person confirms it. `person` is whom it is for, `asked_by` the clerk. `invitation`
    is what was made once it was confirmed. It lapses after `expires` without a change of its row
    (domain/access/pending_invitations.py).
    """

    pending_id = _key()
    organisation = models.ForeignKey(
        "sinetti.Organisation", on_delete=models.PROTECT, related_name="pending_invitations"
    )
    person = models.ForeignKey(
        "sinetti.Person", null=True, on_delete=models.SET_NULL, related_name="pending_invitations"
    )
    asked_by = models.ForeignKey(
        "sinetti.User", null=True, on_delete=models.SET_NULL, related_name="pending_invitations"
    )
    state = models.CharField(max_length=10, choices=[(one.value, one.value) for one in InvitationProposal])
    created = models.DateTimeField()
    expires = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        "sinetti.User", null=True, on_delete=models.SET_NULL, related_name="decided_invitations"
    )
    invitation = models.ForeignKey(Invitation, null=True, on_delete=models.PROTECT, related_name="pending")

    class Meta:
        """Clerks see the newest first."""

        indexes = (models.Index(fields=["-created"], name="pending_by_time"),)


class SecureMessage(models.Model):
    """A link that was mailed to an order's contact, behind which the transfer ids are shown after a second channel.

    Instants are the office's clock's. `token_sha256` is what is kept of the link; PIN codes and the signatory's code
    are made from the server key and the row's id (domain/link_tokens.py). `wrong` counts wrong codes of the signatory.
    """

    secure_id = models.CharField(max_length=32, primary_key=True, default=random_id, editable=False)
    order = models.ForeignKey("sinetti.Order", on_delete=models.PROTECT, related_name="secure_messages")
    recipient = models.ForeignKey(
        "sinetti.Person", null=True, on_delete=models.SET_NULL, related_name="secure_messages"
    )
    token_sha256 = models.CharField(max_length=64)
    created = models.DateTimeField()
    expires = models.DateTimeField()
    wrong = models.PositiveIntegerField(default=0)
    shown_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Tokens are unique by a constraint, which makes no second index of them."""

        constraints = (models.UniqueConstraint(fields=["token_sha256"], name="one_secure_message_per_token"),)


class Pin(models.Model):
    """One PIN code of six digits that was sent for a secure message.

    `wrong` counts wrong entries.
    """

    pin_id = models.CharField(max_length=32, primary_key=True, default=random_id, editable=False)
    message = models.ForeignKey(SecureMessage, on_delete=models.CASCADE, related_name="pins")
    created = models.DateTimeField()
    expires = models.DateTimeField()
    wrong = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
