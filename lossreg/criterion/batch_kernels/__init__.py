"""Calls of batch kernels: their checks and plans."""
