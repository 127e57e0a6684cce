"""Tables of the e-service: fields and constraints without behaviour.

They cover accounts, invitations, role requests, applications for the technical interface, secure messages and PIN
codes. Instants are on the office's clock. Second factors and sessions are in the tables of django-allauth and Django.
No table holds a secret.
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
    """An account of the e-service, which gives no rights by itself.

    It is the one user model, from the first migration. `is_staff` makes the account a clerk's.
    """

    user_id = _key()
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True, db_default="")
    language = models.CharField(
        max_length=2, choices=[(language.value, language.value) for language in Language], default=Language.EN
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created = models.DateTimeField()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []


class CacheEntry(models.Model):
    """Entries of the cache that all processes share.

    It is the cache of database/operations/cache_backend.py. The key is a SHA-256, the value is JSON.
    """

    key = models.CharField(max_length=64, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)


class Invitation(models.Model):
    """Single-use links by which accounts accept invitations.

    The row has the SHA-256 of the token (domain/link_tokens.py). A link alone opens nothing, since its user has to
    sign in first. `mandate` is the role that it gives once `used_at` is set.

    `vouched` is True if a representative or an operator made it, or if a second person confirmed a clerk's proposal.
    Without it the link gives no signatory's role. Rows of older code do not have it (docs/e-service/authorisations.md).
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
        """Uniqueness of tokens by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["token_sha256"], name="one_invitation_per_token"),)


class RoleRequest(models.Model):
    """A request of a person, or of a firm for itself, for a role in an organisation.

    The organisation's signatories answer. Its id is stored as entered (`normalised_id` as in Organisation), because
    the requester must not learn whether it is registered. `agent` is the firm that gets the role; without it the user
    gets the role. `until` is the requested end. `answered_at` with a `mandate` is an approval, without one a refusal.
    """

    request_id = _key()
    customer_id = models.CharField(max_length=30)
    normalised_id = models.CharField(max_length=60, db_index=True)
    user = models.ForeignKey("sinetti.User", null=True, on_delete=models.SET_NULL, related_name="asked")
    agent = models.ForeignKey(
        "sinetti.Organisation", null=True, on_delete=models.PROTECT, related_name="asked_for_clients"
    )
    role = models.CharField(max_length=10, choices=[(role.value, role.value) for role in Role])
    until = models.DateTimeField(null=True)
    created = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    mandate = models.ForeignKey("sinetti.RoleAssignment", null=True, on_delete=models.PROTECT, related_name="requests")


class AccessApplication(models.Model):
    """An organisation's application for the technical interface, decided by a clerk.

    `channels` are the requested channels. `case_number` is random, not sequential. `reason` is the clerk's text in the
    applicant's language, and part of the decision. `decision` is the complete text at the time of the decision. Later
    changes of settings or names do not alter it.
    """

    application_id = _key()
    case_number = models.CharField(max_length=20, unique=True)
    organisation = models.ForeignKey("sinetti.Organisation", on_delete=models.PROTECT, related_name="applications")
    channels = models.JSONField()
    purpose = models.CharField(max_length=1000)
    software = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=2)
    user = models.ForeignKey("sinetti.User", null=True, on_delete=models.SET_NULL, related_name="applications")
    state = models.CharField(max_length=10, choices=[(state.value, state.value) for state in ApplicationState])
    created = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey("sinetti.User", null=True, on_delete=models.SET_NULL, related_name="decisions")
    reason = models.CharField(max_length=2000, blank=True)
    decision = models.TextField(blank=True)

    class Meta:
        """One open application for each organisation, and an index of open ones."""

        constraints = (
            models.UniqueConstraint(
                fields=["organisation"], condition=models.Q(state="open"), name="one_open_application_each"
            ),
        )
        indexes = (models.Index(fields=["created"], condition=models.Q(state="open"), name="applications_that_wait"),)


class OrganisationImport(models.Model):
    """A clerk's file of organisations, its changes, and the progress of the import.

    `content` is kept until the changes are accepted. `changes` and `wrong` are as shown to the clerk; `digest`
    identifies them. `position` is the number of changes done, `passed_over` the number of these that no longer
    applied.

    Some changes need a second clerk. `proposed_by` requested them, `accepted_by` confirmed or `ended_by` rejected
    them. Each is the id of an account, or empty.
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
    """One organisation that a clerk renamed or closed alone, of code before 0007.

    Only nodes with that code write rows, while a version is replaced (docs/operators/migrations.md).
    """

    number = models.BigAutoField(primary_key=True)
    clerk = models.CharField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        """Index for counts by clerk and time."""

        indexes = (models.Index(fields=["clerk", "at"], name="lone_acts_by_clerk"),)


class DailyCount(models.Model):
    """Messages or orders of one mailbox, account or firm in 24 hours.

    See domain/daily_limits.py. `key` is a digest that identifies no person. `times` are whole seconds since 1970, and
    `newest` is the last of them, on the machine's clock. Retention deletes rows that no longer count.
    """

    number = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64)
    times = models.JSONField()
    newest = models.DateTimeField(db_index=True)

    class Meta:
        """Uniqueness of keys by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["key"], name="one_daily_count_per_key"),)


class PendingInvitation(models.Model):
    """A clerk's proposal to invite a signatory.

    It gives no role until a second person confirms it. `person` is the future signatory, `asked_by` the clerk.
    `invitation` is created at the confirmation. The proposal lapses after `expires` without a change of its row
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
    state = models.CharField(
        max_length=10, choices=[(proposal.value, proposal.value) for proposal in InvitationProposal]
    )
    created = models.DateTimeField()
    expires = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        "sinetti.User", null=True, on_delete=models.SET_NULL, related_name="decided_invitations"
    )
    invitation = models.ForeignKey(Invitation, null=True, on_delete=models.PROTECT, related_name="pending")

    class Meta:
        """Index for lists with the newest first."""

        indexes = (models.Index(fields=["-created"], name="pending_by_time"),)


class SecureMessage(models.Model):
    """A link mailed to an order's contact, for transfer ids after a second channel.

    Instants are on the office's clock. `token_sha256` is the hash of the link's token. PIN codes and the signatory's
    code are derived from the server key and the row's id (domain/link_tokens.py). `wrong` counts the signatory's wrong
    codes.
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
        """Uniqueness of tokens by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["token_sha256"], name="one_secure_message_per_token"),)


class Pin(models.Model):
    """A PIN code of six digits, sent for a secure message.

    `wrong` counts wrong entries.
    """

    pin_id = models.CharField(max_length=32, primary_key=True, default=random_id, editable=False)
    message = models.ForeignKey(SecureMessage, on_delete=models.CASCADE, related_name="pins")
    created = models.DateTimeField()
    expires = models.DateTimeField()
    wrong = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
