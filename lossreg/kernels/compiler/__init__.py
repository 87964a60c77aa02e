"""How functions are compiled and cached; the only package that uses the private parts of numba and llvmlite."""
