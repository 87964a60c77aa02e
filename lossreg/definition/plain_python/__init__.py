"""Kernels in plain Python: evaluated at one point in any numbers, and tried before they are compiled."""
