"""Criteria that batch kernels call."""
