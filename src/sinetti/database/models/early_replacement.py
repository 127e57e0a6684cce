"""Tables of early replacement calls, without behaviour."""

from django.db import models

from sinetti.database.sql import random_id


class EarlyReplacement(models.Model):
    """A call for early replacement, stored before its first certificate is opened.

    Suggested windows are spread from `created` until `ends`. `serials` is a list in the order of opening. The call is
    carried out at `done_at` and counts until `undone_at`. At `back_at` its last certificate is reverted to the
    default. Explanations are empty, or present in every language. Officers' ids are opaque.
    """

    number = models.BigAutoField(primary_key=True)
    call_id = models.CharField(max_length=32, default=random_id)
    officer = models.CharField(max_length=40)
    reason = models.CharField(max_length=200)
    explanation_fi = models.CharField(max_length=400, blank=True)
    explanation_sv = models.CharField(max_length=400, blank=True)
    explanation_en = models.CharField(max_length=400, blank=True)
    url = models.CharField(max_length=200, blank=True)
    serials = models.JSONField()
    count = models.PositiveIntegerField()
    created = models.DateTimeField()
    ends = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    back_at = models.DateTimeField(null=True)

    class Meta:
        """Uniqueness of ids by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["call_id"], name="one_early_call_per_id"),)


class EarlyReplacementItem(models.Model):
    """A certificate opened by a call; each certificate is in one call at most."""

    certificate = models.OneToOneField(
        "sinetti.Certificate", primary_key=True, on_delete=models.PROTECT, related_name="called_early"
    )
    call = models.ForeignKey(EarlyReplacement, on_delete=models.PROTECT, related_name="called")


class HintRequest(models.Model):
    """The last request of a program for renewal information of a certificate.

    It is recorded once a day, on the office's clock. The numbers are those of the trust lists that the program uses.
    """

    certificate = models.OneToOneField(
        "sinetti.Certificate", primary_key=True, on_delete=models.PROTECT, related_name="hint_request"
    )
    at = models.DateTimeField()
    anchors_number = models.BigIntegerField(null=True)
    distrust_number = models.BigIntegerField(null=True)
