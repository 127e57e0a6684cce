"""Issuer side of X.509: hierarchy, profiles, certificates, CRLs, OCSP and lint."""
