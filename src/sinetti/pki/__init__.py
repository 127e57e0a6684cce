"""X.509 helpers for both ends: chains, requests, key policy, weak keys, encodings."""
