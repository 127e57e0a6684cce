"""Pages for clerks: applications, organisations, invitations, search, mail, audit.

Every access is logged.
"""
