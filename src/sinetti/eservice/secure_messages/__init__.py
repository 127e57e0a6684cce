"""Pages of secure messages and of the e-mail opt-out."""
