"""Permissions, accounts, invitations and role requests."""
