"""Sources of revocation status: CRLs, OCSP, download of CRLs."""
