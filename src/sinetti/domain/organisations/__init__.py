"""Rules of organisations: identifiers, CSV import, access applications, contacts."""
