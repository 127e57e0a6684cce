"""*Settings > Technical interface and certificates*: list, details and downloads."""
