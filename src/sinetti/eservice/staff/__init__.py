"""Clerks' pages: applications, organisations, invitations, search, messages, audit; what is looked at is logged."""
