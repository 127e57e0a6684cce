"""Applications of organisations for the technical interface."""
