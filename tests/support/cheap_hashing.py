"""Argon2id as accounts have it, with as little work as it can be told to do: tests sign in some hundred times."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class CheapArgon2(Argon2PasswordHasher):
    """The same hash, of one pass over 8 KiB."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
