"""Core models: fields and constraints without behaviour.

Ids that leave the system are random. Times are UTC.
"""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from sinetti.database.models.portal import User
from sinetti.database.sql import random_id
from sinetti.domain.access.roles import Role
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.values import Channel, Environment, IdentifierType, Language


def _choices(
    values: type[Channel | IdentifierType | Environment | Language | MessageChannel | Role | CaState],
) -> list[tuple[str, str]]:
    return [(value.value, value.value) for value in values]


def random_key() -> "models.CharField[str, str]":
    """Return a random primary key, from which not even an order can be inferred."""
    return models.CharField(max_length=32, primary_key=True, default=random_id, editable=False)


class Instance(models.Model):
    """Identity of this database: one instance in one environment.

    `fingerprints` are SHA-256 values of the CA certificates.
    """

    instance_id = random_key()
    environment = models.CharField(max_length=10, choices=_choices(Environment))
    created = models.DateTimeField()
    fingerprints = models.JSONField(default=dict)


class Person(models.Model):
    """Personal data, in rows of their own that can be corrected and erased.

    `first_written_at` is the time of the first message to the person. `bounced_at` is the time from which the e-mail
    address is known to fail. `stopped_at` is the time from which the person wants no more mail there. `named_until` is
    the time at which another person replaced them in some role.
    """

    person_id = random_key()
    user = models.OneToOneField(User, null=True, on_delete=models.SET_NULL, related_name="person")
    name = models.CharField(max_length=200)
    email = models.EmailField()
    phone = models.CharField(max_length=30, blank=True)
    language = models.CharField(max_length=2, choices=_choices(Language))
    erased_at = models.DateTimeField(null=True)
    first_written_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    named_until = models.DateTimeField(null=True)

    class Meta:
        """Indexes by e-mail address for bounces and opt-outs, and by prefix for searches."""

        indexes = (
            models.Index(Lower("email"), name="people_by_email"),
            models.Index(Lower("email"), F("person_id"), name="people_by_email_prefix"),
        )


class CertificateAuthority(models.Model):
    """One generation of a CA.

    Its name is unique for ever and appears in URLs and file names. New certificates go to `open_shard`, of which
    `shard_places` are assigned. NULL means "not counted yet" (docs/relying/lists.md). Each change of the row's state
    increments `version`, so that running processes notice it (docs/operators/succession.md).
    """

    name = models.CharField(max_length=100, primary_key=True)
    common_name = models.CharField(max_length=100, unique=True)
    role = models.CharField(max_length=12)
    issuer = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="issued")
    certificate = models.BinaryField()
    sha256 = models.CharField(max_length=64, unique=True)
    key_id = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=_choices(CaState))
    signs_from = models.DateTimeField()
    signs_until = models.DateTimeField()
    channel = models.CharField(max_length=4, choices=_choices(Channel), null=True)  # noqa: DJ001 - NULL: no issuing CA
    generation = models.PositiveIntegerField(default=1, db_default=1)
    version = models.BigIntegerField(default=0, db_default=0)
    revoked_at = models.DateTimeField(null=True)
    revocation_reason = models.CharField(max_length=24, blank=True, default="", db_default="")
    crl_number = models.BigIntegerField(default=0)
    open_shard = models.PositiveIntegerField(default=1, db_default=1)
    shard_places = models.PositiveIntegerField(null=True)


class CertificateType(models.Model):
    """Purpose and channel of certificates, and the CA that issues them now."""

    type_id = models.CharField(max_length=40, primary_key=True)
    purpose = models.CharField(max_length=30)
    channel = models.CharField(max_length=4, choices=_choices(Channel))
    authority = models.ForeignKey(CertificateAuthority, on_delete=models.PROTECT, related_name="types")

    class Meta:
        """One row for each purpose and channel."""

        constraints = (models.UniqueConstraint(fields=["purpose", "channel"], name="one_type_per_purpose_channel"),)


class Organisation(models.Model):
    """An organisation to which certificates are issued.

    `normalised_id` is the normalised id (domain/values.py).
    """

    organisation_id = random_key()
    customer_id = models.CharField(max_length=30)
    normalised_id = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=12, choices=_choices(IdentifierType))
    country = models.CharField(max_length=2, default="FI")
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=2, choices=_choices(Language))
    created = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    contact = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="contact_of")
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="merged", db_index=False)

    class Meta:
        """Indexes by prefix of id and name, for searches."""

        indexes = (
            models.Index(fields=["normalised_id", "organisation_id"], name="organisations_by_id_prefix"),
            models.Index(Lower("name"), F("organisation_id"), name="organisations_by_name_prefix"),
        )


class ApprovedChannel(models.Model):
    """A certificate type for which the organisation's application was approved."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="approvals")
    type = models.ForeignKey(CertificateType, on_delete=models.PROTECT, related_name="approvals")
    approved_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        """One approval in force for each organisation and type."""

        constraints = (
            models.UniqueConstraint(
                fields=["organisation", "type"],
                condition=Q(withdrawn_at__isnull=True),
                name="one_standing_approval",
            ),
        )


class RoleAssignment(models.Model):
    """The right of a person or another organisation to act for an organisation.

    It lasts from `valid_from` to `valid_until`. `person` receives messages. `user` is the account that uses the role;
    without it there is no access in the e-service. While `waiting` is true the role has no effect, because the person
    has not accepted it yet (docs/e-service/authorisations.md).

    `end_notice` is the last step before the end, in days, that mail has reported. `giver_noted_at` and
    `holder_noted_at` are the instants from which a side needs no report of the end: it ended the role itself, or has
    removed it from its list.
    """

    mandate_id = random_key()
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="given")
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="mandates")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="mandates", db_index=False)
    agent = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="held")
    role = models.CharField(max_length=10, choices=_choices(Role))
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    waiting = models.BooleanField(default=False, db_default=False)
    end_notice = models.SmallIntegerField(null=True)
    giver_noted_at = models.DateTimeField(null=True)
    holder_noted_at = models.DateTimeField(null=True)

    class Meta:
        """Index by account, used at each request of a signed-in user."""

        indexes = (models.Index(fields=["user"], condition=Q(user__isnull=False), name="mandates_by_user"),)


class Lineage(models.Model):
    """The line of a certificate through its renewals.

    `version` increases with every change of state. `serves` is the approximate number of other organisations whose
    reports it is for. 0 means own reports only, NULL means unknown.
    """

    lineage_id = random_key()
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="lineages")
    type = models.ForeignKey(CertificateType, on_delete=models.PROTECT, related_name="lineages")
    subject_serial = models.CharField(max_length=32, unique=True)
    description = models.CharField(max_length=200, blank=True)
    contact = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="lineages")
    deputy = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="deputised")
    version = models.BigIntegerField(default=0)
    created = models.DateTimeField()
    renewal_opt_out_at = models.DateTimeField(null=True)
    serves = models.PositiveIntegerField(null=True)

    class Meta:
        """Index by prefix of the description, for searches."""

        indexes = (models.Index(Lower("description"), F("lineage_id"), name="lineages_by_description"),)


class UnrestoredPeople(models.Model):
    """People of a lineage whom `reconcile` could not restore.

    See docs/operators/journal.md. `has_new_organisation` is true if the organisation had to be restored too, so that
    its roles are missing. The row is open until the people are named, or an operator says at `settled_at` that there
    are none.
    """

    number = models.BigAutoField(primary_key=True)
    lineage = models.ForeignKey(Lineage, on_delete=models.CASCADE, related_name="unrestored", db_index=False)
    has_new_organisation = models.BooleanField()
    restored_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        """One row for each lineage, by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["lineage"], name="one_row_of_unrestored_people"),)


class Order(models.Model):
    """One order for one certificate.

    `replaces` is the certificate that the new one replaces.
    """

    order_id = random_key()
    lineage = models.ForeignKey(Lineage, on_delete=models.PROTECT, related_name="orders")
    description = models.CharField(max_length=200, blank=True)
    contact = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="orders")
    deputy = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="orders_deputised")
    replaces = models.ForeignKey("Certificate", null=True, on_delete=models.PROTECT, related_name="replacements")
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in OrderState])
    created = models.DateTimeField()


class TransferIds(models.Model):
    """A transfer id and, as HMAC-SHA-256 under a server key, its one-time password."""

    transfer_id = models.CharField(max_length=32, primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="transfer_ids")
    password_mac = models.BinaryField()
    created = models.DateTimeField()
    expires = models.DateTimeField()
    wrong_passwords = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)


class UsedKey(models.Model):
    """A key of a certificate or an accepted request. Pruning keeps these rows."""

    key_id = models.CharField(max_length=64, primary_key=True)
    first_seen = models.DateTimeField()


class Certificate(models.Model):
    """A certificate of an organisation, from its reservation on.

    Rows are never deleted. `reserved_machine_time` is machine time. `next_reminder_at` is the time of the next
    reminder check; NULL means "not checked yet" (docs/operators/reminders.md).
    """

    serial = models.CharField(max_length=40)
    authority = models.ForeignKey(CertificateAuthority, on_delete=models.PROTECT, related_name="certificates")
    lineage = models.ForeignKey(Lineage, on_delete=models.PROTECT, related_name="certificates")
    state = models.CharField(max_length=8, choices=[(s.value, s.value) for s in CertificateState])
    origin = models.CharField(max_length=8, choices=[(s, s) for s in ("order", "renewal", "import")])
    order = models.ForeignKey(Order, null=True, on_delete=models.PROTECT, related_name="certificates")
    predecessor = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="renewals")
    replaces = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="replaced_by")
    key = models.ForeignKey(UsedKey, on_delete=models.PROTECT, related_name="certificates")
    sha256 = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - NULL is "not issued yet", and unique
    retrieval_id = models.CharField(max_length=32, unique=True)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField(db_index=True)
    renewable_from = models.DateTimeField()
    crl_shard = models.PositiveIntegerField(default=1)
    reserved_at = models.DateTimeField()
    reserved_machine_time = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(null=True)
    first_fetched_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revocation_reason = models.CharField(
        max_length=24, blank=True, choices=[(r.value, r.value) for r in RevocationReason]
    )
    invalidity_date = models.DateTimeField(null=True)
    next_reminder_at = models.DateTimeField(null=True)

    class Meta:
        """Uniqueness of serials, of live certificates per order and of live renewals."""

        constraints = (
            models.UniqueConstraint(fields=["authority", "serial"], name="one_serial_per_authority"),
            models.UniqueConstraint(
                fields=["order"], condition=~Q(state="void"), name="one_live_certificate_per_order"
            ),
            models.UniqueConstraint(
                fields=["predecessor"],
                condition=~Q(state="void") & Q(revoked_at__isnull=True),
                name="one_live_renewal_per_certificate",
            ),
        )
        indexes = (
            models.Index(
                fields=["authority", "crl_shard"], condition=Q(revoked_at__isnull=False), name="revoked_by_shard"
            ),
            # Index-only scans for the count of all revoked certificates and for those since the last CRL.
            models.Index(
                fields=["authority", "crl_shard", "revoked_at"],
                condition=Q(revoked_at__isnull=False),
                name="revoked_by_time",
            ),
            models.Index(fields=["serial"], name="by_serial"),
            # Queried every half minute, among all certificates ever issued.
            models.Index(fields=["reserved_at"], condition=Q(state="reserved"), name="waiting_reservations"),
            # Queried each time that reminders are planned, among all certificates ever issued.
            models.Index(fields=["not_after"], condition=Q(next_reminder_at__isnull=True), name="not_looked_at_yet"),
            models.Index(
                fields=["next_reminder_at"], condition=Q(next_reminder_at__isnull=False), name="to_be_looked_at"
            ),
        )


class CertificateDer(models.Model):
    """The reserved octets to be signed or, after signing, the certificate's DER.

    The DER contains the octets to be signed. Earlier code kept both.
    """

    certificate = models.OneToOneField(Certificate, primary_key=True, on_delete=models.PROTECT, related_name="octets")
    to_be_signed = models.BinaryField()
    der = models.BinaryField(null=True)


class RejectedRequest(models.Model):
    """An authenticated request that was rejected, with reason and time.

    The row holds no content of the request.
    """

    refusal_id = random_key()
    lineage = models.ForeignKey(Lineage, on_delete=models.PROTECT, related_name="refusals")
    reason = models.CharField(max_length=30)
    operation = models.CharField(max_length=10)
    at = models.DateTimeField(db_index=True)
    request_id = models.CharField(max_length=32)


class Counter(models.Model):
    """A number that only grows, such as the count of all wrong passwords."""

    name = models.CharField(max_length=40, primary_key=True)
    value = models.BigIntegerField(default=0)


class OutboxMessage(models.Model):
    """A queued message, or an event from which messages are made.

    See docs/operators/notifications.md.

    Events have `channel` NULL. The id of a message is derived from its subject, step, recipient and channel
    (domain/notifications/messages.py), so no message is sent twice. Events have random ids. `due` is on the office's
    clock, `lease_until` and `next_attempt_at` are on the machine's clock.

    A row ends by one of `sent`, `failed_at` (given up), `cancelled_at` (no longer needed) and, for an event,
    `expanded_at`. `address` is that of an operator, who has no Person row. `facts` are values for the text and contain
    no secret.
    """

    message_id = random_key()
    kind = models.CharField(max_length=20)
    lineage = models.ForeignKey(Lineage, null=True, on_delete=models.PROTECT, related_name="messages")
    certificate = models.ForeignKey(Certificate, null=True, on_delete=models.PROTECT, related_name="messages")
    recipient = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="messages")
    step = models.CharField(max_length=40)
    created = models.DateTimeField()
    due = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    sent = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    channel = models.CharField(max_length=5, null=True, choices=_choices(MessageChannel))  # noqa: DJ001 - NULL: an event
    order = models.ForeignKey(Order, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False)
    facts = models.JSONField(null=True)
    address = models.CharField(max_length=254, null=True)  # noqa: DJ001 - older code leaves it NULL
    claimed_by = models.CharField(max_length=32, null=True)  # noqa: DJ001 - NULL: no worker
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, null=True)  # noqa: DJ001 - NULL: no problem
    cancelled_at = models.DateTimeField(null=True)
    expanded_at = models.DateTimeField(null=True)
    bounced = models.DateTimeField(null=True)

    class Meta:
        """One message per certificate, step and recipient; indexes of the few open rows."""

        constraints = (
            models.UniqueConstraint(fields=["kind", "certificate", "step", "recipient"], name="one_message_each"),
        )
        indexes = (
            models.Index(
                fields=["due"],
                condition=Q(
                    sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True, expanded_at__isnull=True
                ),
                name="messages_that_wait",
            ),
            models.Index(fields=["bounced"], condition=Q(bounced__isnull=False), name="messages_that_bounced"),
            # Counted by each watch, and by the clerks' page, among all messages of a year.
            models.Index(fields=["failed_at"], condition=Q(failed_at__isnull=False), name="messages_given_up"),
        )


class AuditEvent(models.Model):
    """One change of state.

    It contains no addresses or free text, and no names but those of officers and users of the machine. Triggers forbid
    UPDATE and DELETE.
    """

    sequence = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    action = models.CharField(max_length=40)
    object = models.CharField(max_length=80, db_index=True)
    request_id = models.CharField(max_length=32)
    octets = models.BinaryField()
    sha256 = models.CharField(max_length=64)


class CallerAddress(models.Model):
    """The network address from which a request came that was refused or that acted.

    Audit rows and refusals have the request's id. The row is erased long before them (docs/operators/retention.md).
    """

    request_id = models.CharField(max_length=32, primary_key=True)
    address = models.CharField(max_length=45)
    at = models.DateTimeField(db_index=True)


class ClockCheckpoint(models.Model):
    """The newest `at` of audit rows up to `sequence`, or a later trusted time.

    A check therefore reads only later rows. Rows up to `accepted_sequence` no longer count, because an operator
    accepted the clock at `accepted_at`. A second row has the newest instant before a clock that nothing confirmed.
    """

    name = models.CharField(max_length=10, primary_key=True)
    newest = models.DateTimeField()
    sequence = models.BigIntegerField()
    accepted_at = models.DateTimeField(null=True)
    accepted_sequence = models.BigIntegerField(default=0)


class SchemaFloor(models.Model):
    """The oldest code that may use these tables (docs/operators/migrations.md).

    It is given by the number of its newest migration. There is at most one row; no row means that all code may use
    them.
    """

    name = models.CharField(max_length=10, primary_key=True)
    readable_from = models.PositiveIntegerField()
