"""Simulation of a fleet of agents, and scripted stories."""
