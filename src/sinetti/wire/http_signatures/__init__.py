"""HTTP message signatures (RFC 9421): the strict profile and certificate keys."""
