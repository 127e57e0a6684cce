"""Accounts, role assignments, role requests and invitations."""
