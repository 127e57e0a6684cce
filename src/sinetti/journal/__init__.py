"""Append-only, hash-chained journal, and the CRL archive beside it."""
