"""Publication of CRLs and OCSP responses, renewal info, usage reports."""
