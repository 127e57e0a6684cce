"""Tables of successors of CAs, of declared compromises, and of signed trust lists."""

from django.db import models


class PendingAuthority(models.Model):
    """A CA that has a key and a request, but no certificate yet.

    Its name is that of the CertificateAuthority row that `ca install` creates. `channel` is set for issuing CAs, and
    `is_standby` for those that `ca activate` alone puts to work. The row stays, since names are unique for ever.
    """

    name = models.CharField(max_length=100, primary_key=True)
    common_name = models.CharField(max_length=100, unique=True)
    role = models.CharField(max_length=12)
    channel = models.CharField(max_length=4, null=True)  # noqa: DJ001 - NULL: not an issuing CA
    issuer = models.ForeignKey(
        "CertificateAuthority", null=True, on_delete=models.PROTECT, related_name="pending", db_index=False
    )
    replaces = models.ForeignKey(
        "CertificateAuthority", null=True, on_delete=models.PROTECT, related_name="successors", db_index=False
    )
    key_type = models.CharField(max_length=12)
    lifetime_days = models.PositiveIntegerField()
    request = models.BinaryField()
    created = models.DateTimeField()
    installed_at = models.DateTimeField(null=True)


class CaDistrust(models.Model):
    """A declared compromise of a CA's key (docs/operators/succession.md).

    Certificates of the CA that were recorded before `since` are accepted through the bridge until `bridge_until`. With
    `checkpoint`, the text of a checkpoint of the log, they must be in the log under it.
    """

    authority = models.OneToOneField(
        "CertificateAuthority", primary_key=True, on_delete=models.PROTECT, related_name="distrust"
    )
    since = models.DateTimeField()
    declared_at = models.DateTimeField()
    bridge_until = models.DateTimeField()
    checkpoint = models.TextField(blank=True, default="", db_default="")


class TrustList(models.Model):
    """A signed list of anchors or of distrusted CAs; the newest of a kind is served."""

    pk = models.CompositePrimaryKey("kind", "number")
    kind = models.CharField(max_length=10)
    number = models.BigIntegerField()
    octets = models.BinaryField()
    created = models.DateTimeField()
