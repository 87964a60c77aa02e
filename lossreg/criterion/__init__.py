"""Criteria: a loss with parameters and a reduction, called on arrays."""
