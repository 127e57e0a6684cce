"""Clock, layout of the folder, JSON fields, TOTP and TLS of the test bench."""
