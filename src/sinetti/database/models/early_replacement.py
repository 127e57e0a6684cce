"""Tables of early replacement calls and of drills, without behaviour."""

from django.db import models

from sinetti.database.sql import random_id


class EarlyReplacement(models.Model):
    """A call for early replacement, stored before its first certificate is opened.

    Suggested windows are spread from `created` until `ends`. `serials` is a list in the order of opening. The call is
    carried out at `done_at` and counts until `undone_at`. At `back_at` its last certificate is reverted to the
    default. Explanations are empty, or present in every language. Officers' ids are opaque.

    `kind` is the kind of its messages: "early", or "incident" if a key of the CA was stolen. They are repeated; the
    last time was `repeated_at`. A call that is being narrowed has `is_narrowing`, and `serials` are those that stay.
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
    kind = models.CharField(max_length=10, default="early", db_default="early")
    repeated_at = models.DateTimeField(null=True)
    is_narrowing = models.BooleanField(default=False, db_default=False)

    class Meta:
        """Uniqueness of ids by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["call_id"], name="one_early_call_per_id"),)


class EarlyReplacementItem(models.Model):
    """A certificate opened by a call; each certificate is in one call at most.

    It was first heard of at `heard_at`, by the program or the message that `heard_by` names.
    """

    certificate = models.OneToOneField(
        "sinetti.Certificate", primary_key=True, on_delete=models.PROTECT, related_name="called_early"
    )
    call = models.ForeignKey(EarlyReplacement, on_delete=models.PROTECT, related_name="called")
    heard_at = models.DateTimeField(null=True)
    heard_by = models.CharField(max_length=32, blank=True, default="", db_default="")


class HintRequest(models.Model):
    """The last request of a program for renewal information of a certificate.

    It is recorded every few hours, on the office's clock. `software` is the product of its User-Agent. The numbers are
    those of the trust lists that the program uses.
    """

    certificate = models.OneToOneField(
        "sinetti.Certificate", primary_key=True, on_delete=models.PROTECT, related_name="hint_request"
    )
    at = models.DateTimeField()
    anchors_number = models.BigIntegerField(null=True)
    distrust_number = models.BigIntegerField(null=True)
    software = models.CharField(max_length=64, blank=True, default="", db_default="")


class Drill(models.Model):
    """An exercise of a call for early replacement.

    It changes nothing that a holder has. `audience` is "none", "operators" or "holders". `reach` is the reach that
    was expected at `created`.
    """

    number = models.BigAutoField(primary_key=True)
    drill_id = models.CharField(max_length=32, default=random_id)
    officer = models.CharField(max_length=40)
    reason = models.CharField(max_length=200)
    audience = models.CharField(max_length=10)
    reach = models.JSONField()
    created = models.DateTimeField()

    class Meta:
        """Uniqueness of ids by a constraint, which needs no second index."""

        constraints = (models.UniqueConstraint(fields=["drill_id"], name="one_drill_per_id"),)


class DrillItem(models.Model):
    """A certificate of a drill, with the instant at which it was first heard of."""

    id = models.BigAutoField(primary_key=True)
    drill = models.ForeignKey(Drill, on_delete=models.PROTECT, related_name="items", db_index=False)
    certificate = models.ForeignKey("sinetti.Certificate", on_delete=models.PROTECT, related_name="drills")
    heard_at = models.DateTimeField(null=True)
    heard_by = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        """A certificate is in a drill once."""

        constraints = (models.UniqueConstraint(fields=["drill", "certificate"], name="one_drill_item_each"),)


class DrillAnswer(models.Model):
    """The answer to a message of a drill, once."""

    id = models.BigAutoField(primary_key=True)
    drill = models.ForeignKey(Drill, on_delete=models.PROTECT, related_name="answers")
    message_id = models.CharField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        """A message is answered once."""

        constraints = (models.UniqueConstraint(fields=["message_id"], name="one_answer_per_drill_message"),)
