"""The numba room: nothing outside it compiles."""
