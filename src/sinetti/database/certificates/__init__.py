"""Lists, search, revocation, replacement and usage of certificates."""
