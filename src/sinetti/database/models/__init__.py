"""Django models, one file per subject."""
