"""Tables of bulk revocations, gateways and what these have seen: fields and constraints, as in models.py."""

from django.db import models

from sinetti.database.sql import random_id
from sinetti.domain.certificates.revocation import RevocationReason


class BulkRevocation(models.Model):
    """One run of a bulk revocation: which certificates, why and by whose word, stored before the first is revoked.

    It waits for a second officer until `approved_at`, which a small run has from the beginning, with no `approver`.
    `serials` is a list, in the order in which they are revoked. Officers' ids are opaque.
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
        """Ids are unique by a constraint, which makes no second index of them."""

        constraints = (models.UniqueConstraint(fields=["proposal_id"], name="one_bulk_revocation_per_id"),)


class Gateway(models.Model):
    """A gateway that may report which certificates it has seen.

    Its name is unique for ever: messages carry it.
    """

    number = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=40)
    public_key = models.TextField()
    added = models.DateTimeField()
    withdrawn = models.DateTimeField(null=True)
    first_report = models.DateTimeField(null=True)
    last_report = models.DateTimeField(null=True)

    class Meta:
        """Names are unique by a constraint, which makes no second index of them."""

        constraints = (models.UniqueConstraint(fields=["name"], name="one_gateway_per_name"),)


class CertificateObservation(models.Model):
    """When a gateway last saw a certificate: it only moves forward."""

    number = models.BigAutoField(primary_key=True)
    certificate = models.ForeignKey(
        "sinetti.Certificate", on_delete=models.PROTECT, related_name="sightings", db_index=False
    )
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="sightings", db_index=False)
    last_seen = models.DateTimeField()

    class Meta:
        """One row for each certificate and gateway; looked for by certificate."""

        constraints = (models.UniqueConstraint(fields=["certificate", "gateway"], name="one_sighting_per_gateway"),)
