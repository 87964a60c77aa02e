"""Calls of kernels that take whole batches: their check, and their plans."""
