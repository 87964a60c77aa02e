"""Compile and cache functions; the only package that uses private parts of numba and llvmlite."""
