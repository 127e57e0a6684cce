"""Use cases of CAs: changes of their states, compromise, and trust lists."""
