"""Organisations, contacts, orders, applications, imports and secure messages."""
