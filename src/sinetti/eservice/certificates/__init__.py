"""*Settings > Technical interface and certificates*: the list, one certificate, and what is downloaded there."""
