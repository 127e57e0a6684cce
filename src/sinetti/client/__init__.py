"""Client of an organisation: enrolment, renewal, store and agent.

The configuration model, results and validity rules are modules at the root of the package.
"""
