"""Home, profile, privacy and accessibility pages."""
