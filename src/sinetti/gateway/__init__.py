"""Certificate identification and document verification for relying parties.

Independent of the authority's server and of Django.
"""
