"""Password hasher with Argon2id, as accounts use it, at the lowest cost.

Tests sign in some hundred times.
"""

from django.contrib.auth.hashers import Argon2PasswordHasher


class CheapArgon2(Argon2PasswordHasher):
    """Argon2id with one pass over 8 KiB."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
