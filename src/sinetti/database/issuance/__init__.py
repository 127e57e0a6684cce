"""The two commits of issuance, renewal lookup, recovery, CRLs and OCSP responses."""
