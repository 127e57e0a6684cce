"""Helpers of all tables: audit log, mappers, locks, daily counts."""
