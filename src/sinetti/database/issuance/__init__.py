"""The two commits of an issuance, lookup for renewal, recovery, CRLs and OCSP responses."""
