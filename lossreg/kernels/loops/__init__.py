"""Templates of loops over elements and rows, into which kernels are compiled."""
