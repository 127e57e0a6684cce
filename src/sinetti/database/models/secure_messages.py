"""Tables of secure messages and their PIN codes: fields and constraints, as in models.py. No secret is in them."""

from django.db import models

from sinetti.database.ids import random_id


class SecureMessage(models.Model):
    """A link that was mailed to an order's contact, behind which the transfer ids are shown after a second channel.

    Instants are the office's clock's. `token_sha256` is what is kept of the link; PIN codes and the signatory's code
    are made from the server key and the row's id (domain/link_tokens.py). `wrong` counts wrong codes of the signatory.
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
        """Tokens are unique by a constraint, which makes no second index of them."""

        constraints = (models.UniqueConstraint(fields=["token_sha256"], name="one_secure_message_per_token"),)


class Pin(models.Model):
    """One PIN code of six digits that was sent for a secure message. `wrong` counts wrong entries."""

    pin_id = models.CharField(max_length=32, primary_key=True, default=random_id, editable=False)
    message = models.ForeignKey(SecureMessage, on_delete=models.CASCADE, related_name="pins")
    created = models.DateTimeField()
    expires = models.DateTimeField()
    wrong = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
