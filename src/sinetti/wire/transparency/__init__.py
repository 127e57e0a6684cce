"""Transparency log (RFC 6962 hashing, C2SP tlog formats) as octets and types."""
