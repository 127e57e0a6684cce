"""Tables of bulk revocations, gateways and their observations, without behaviour."""

from django.db import models

from sinetti.database.sql import random_id
from sinetti.domain.certificates.revocation import RevocationReason


class BulkRevocation(models.Model):
    """A bulk revocation, stored before its first certificate is revoked.

    It waits for a second officer until `approved_at`. A small one is approved at once, without an `approver`.
    `serials` is a list in the order of revocation. Officers' ids are opaque.
    """

    number = models.BigAutoField(primary_key=True)
    proposal_id = models.CharField(max_length=32, default=random_id)
    officer = models.CharField(max_length=40)
    reason = models.CharField(max_length=24, choices=[(r.value, r.value) for r in RevocationReason])
    invalidity_date = models.DateTimeField(null=True)
    serials = models.JSONField()
    count = models.PositiveIntegerField()
    created = models.DateTimeField()
    expires = models.DateTimeField()
    approver = models.CharField(max_length=40, blank=True)
    approved_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        """Uniqueness of ids by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["proposal_id"], name="one_bulk_revocation_per_id"),)


class Gateway(models.Model):
    """A gateway that may report the certificates that it has seen.

    Its name is unique for ever, because messages contain it. The numbers are those of its trust lists.
    """

    number = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=40)
    public_key = models.TextField()
    added = models.DateTimeField()
    withdrawn = models.DateTimeField(null=True)
    first_report = models.DateTimeField(null=True)
    last_report = models.DateTimeField(null=True)
    anchors_number = models.BigIntegerField(null=True)
    distrust_number = models.BigIntegerField(null=True)

    class Meta:
        """Uniqueness of names by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["name"], name="one_gateway_per_name"),)


class CertificateObservation(models.Model):
    """Last time a gateway saw a certificate, which never goes back."""

    number = models.BigAutoField(primary_key=True)
    certificate = models.ForeignKey(
        "sinetti.Certificate", on_delete=models.PROTECT, related_name="sightings", db_index=False
    )
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="sightings", db_index=False)
    last_seen = models.DateTimeField()

    class Meta:
        """One row for each certificate and gateway, with an index by certificate."""

        constraints = (models.UniqueConstraint(fields=["certificate", "gateway"], name="one_sighting_per_gateway"),)
