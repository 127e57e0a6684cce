"""Authorities, clock, monitoring, retention, backups, cache and audit queries."""
