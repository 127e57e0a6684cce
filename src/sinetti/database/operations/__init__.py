"""Authorities, clock, monitoring, retention, backups, cache back end, audit queries."""
