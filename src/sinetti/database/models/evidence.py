"""Tables of the transparency log (docs/evidence.md).

Triggers forbid UPDATE and DELETE.
"""

from django.db import models


class LogEntry(models.Model):
    """Leaf of the tree: an audit row, or only the hash of one that was lost."""

    index = models.BigIntegerField(primary_key=True)
    sequence = models.BigIntegerField(null=True, unique=True)
    leaf = models.BinaryField()


class LogPlan(models.Model):
    """Rows that enter the tree next, by sequence number, from the index `first` on.

    It is stored before their head is signed and deleted with the commit of the entries. Changes are not forbidden.
    """

    first = models.BigIntegerField(primary_key=True)
    sequences = models.JSONField()


class LogNode(models.Model):
    """Hash of a complete subtree of `256**level` leaves, from level 1 on."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    digest = models.BinaryField()


class LogCheckpoint(models.Model):
    """Signed head of the tree of this size; `made_at` is on the machine's clock."""

    size = models.BigIntegerField(primary_key=True)
    note = models.BinaryField()
    made_at = models.DateTimeField()


class LogCosignature(models.Model):
    """Signature of a witness over the checkpoint of this size.

    `line` is a line of the note.
    """

    pk = models.CompositePrimaryKey("size", "witness")
    size = models.BigIntegerField()
    witness = models.CharField(max_length=200)
    line = models.TextField()
