"""What batch kernels are made of: normalised rows, sorted segments, sums by index, and blocks of pairs."""
