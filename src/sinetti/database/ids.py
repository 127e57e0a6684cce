"""Random ids, which tell nothing, not even an order."""

import secrets


def random_id() -> str:
    """128 random bits as 32 lower-case hex digits."""
    return secrets.token_hex(16)
