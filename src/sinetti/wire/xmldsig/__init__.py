"""XML Signature: hardened parser, algorithms, signing and verification."""
