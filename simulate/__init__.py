"""Simulation of two years of messages about a hundred thousand certificates.

A model beside it knows the messages that there must be.
"""
