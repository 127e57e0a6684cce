"""Rules of roles, permissions, invitations and staff access purposes."""
