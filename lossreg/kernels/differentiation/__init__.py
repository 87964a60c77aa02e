"""Second derivatives of kernels by element that declare none, derived from their slopes."""
