"""X.509 that both ends need. Pure: no I/O but the key files of `signers`."""
