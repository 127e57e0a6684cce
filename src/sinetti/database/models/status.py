"""Tables of what the service tells of certificates: its lists, its OCSP answers, and leaves of its own."""

from django.db import models


class Crl(models.Model):
    """The newest CRL of one shard that is stored whole; shard 0 is the whole CA.

    `revocations` is how many the shard had when it was made, ever. A later list may be in ShortList.
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
    """The newest CRL of one shard without the entries of the one in RevocationList; void where that has moved on.

    `base` is the number of the list whose entries it lacks.
    """

    whole = models.OneToOneField(Crl, primary_key=True, on_delete=models.CASCADE, related_name="short")
    base = models.BigIntegerField()
    number = models.BigIntegerField()
    this_update = models.DateTimeField()
    next_update = models.DateTimeField()
    revocations = models.BigIntegerField()
    der = models.BinaryField()


class OcspResponse(models.Model):
    """The newest OCSP answers about a certificate, and what they tell.

    What is gone is made anew.
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
        """The keeper takes the oldest of a CA first."""

        indexes = (models.Index(fields=["authority", "this_update"], name="oldest_answers"),)


class ServiceCertificate(models.Model):
    """A certificate of the service itself that is no CA's: a signer of responses, or an OCSP responder."""

    pk = models.CompositePrimaryKey("authority", "serial")
    authority = models.CharField(max_length=100)
    serial = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    not_after = models.DateTimeField()
