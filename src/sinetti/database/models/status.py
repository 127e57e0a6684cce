"""Tables of certificate status: CRLs, OCSP responses, own leaves, events."""

from django.db import models


class Crl(models.Model):
    """The newest CRL of one shard that is stored completely; shard 0 is the whole CA.

    `revocations` is the number of revocations ever in the shard when it was made. A later CRL may be in CrlDelta.
    """

    authority = models.ForeignKey("CertificateAuthority", on_delete=models.PROTECT, related_name="lists")
    shard = models.PositiveIntegerField()
    number = models.BigIntegerField()
    this_update = models.DateTimeField()
    next_update = models.DateTimeField()
    revocations = models.BigIntegerField()
    der = models.BinaryField()

    class Meta:
        """One row for each shard."""

        constraints = (models.UniqueConstraint(fields=["authority", "shard"], name="one_list_per_shard"),)


class CrlDelta(models.Model):
    """The newest CRL of one shard without the entries of the stored complete CRL.

    `base` is the number of the CRL whose entries it lacks. The row is invalid if Crl has a later number.
    """

    whole = models.OneToOneField(Crl, primary_key=True, on_delete=models.CASCADE, related_name="short")
    base = models.BigIntegerField()
    number = models.BigIntegerField()
    this_update = models.DateTimeField()
    next_update = models.DateTimeField()
    revocations = models.BigIntegerField()
    der = models.BinaryField()


class OcspResponse(models.Model):
    """The newest OCSP responses for a certificate, and their content.

    Deleted responses are made again.
    """

    pk = models.CompositePrimaryKey("authority", "serial")
    authority = models.CharField(max_length=100)
    serial = models.CharField(max_length=40)
    sha1 = models.BinaryField()
    sha256 = models.BinaryField()
    this_update = models.DateTimeField()
    next_update = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revocation_reason = models.CharField(max_length=24, blank=True)

    class Meta:
        """Index for the oldest responses of a CA, which are renewed first."""

        indexes = (models.Index(fields=["authority", "this_update"], name="oldest_answers"),)


class ServiceCertificate(models.Model):
    """A non-CA certificate of the service: a signer of responses or an OCSP responder."""

    pk = models.CompositePrimaryKey("authority", "serial")
    authority = models.CharField(max_length=100)
    serial = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    not_after = models.DateTimeField()


class UnregisteredCertificate(models.Model):
    """A certificate that a separate signer signed, and the register lacks.

    Once it is in the register, the row is deleted, unless it was revoked here.
    """

    number = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64)
    authority = models.ForeignKey(
        "CertificateAuthority", on_delete=models.PROTECT, db_index=False, related_name="strays"
    )
    serial = models.CharField(max_length=40)
    crl_shard = models.PositiveIntegerField()
    not_after = models.DateTimeField()
    der = models.BinaryField()
    found_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revocation_reason = models.CharField(max_length=24, blank=True)
    invalidity_date = models.DateTimeField(null=True)

    class Meta:
        """One row for each serial."""

        constraints = (models.UniqueConstraint(fields=["authority", "serial"], name="one_unregistered_serial"),)


class FeedEvent(models.Model):
    """One event of the status feed, written in the transaction that it reports.

    Numbers grow in the order of commits. `authority` and `serial` are empty where the kind has none.
    """

    number = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=10)
    authority = models.CharField(max_length=100, blank=True)
    list_number = models.BigIntegerField()
    serial = models.CharField(max_length=40, blank=True)
