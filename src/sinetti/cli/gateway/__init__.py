"""Commands of relying services (`sinetti gateway`)."""
