"""Use cases of CAs: revocation, compromise, and trust lists."""
