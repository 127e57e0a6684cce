"""What django-allauth asks of us: who may sign up, and how its mail leaves."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Accounts as this service has them."""
