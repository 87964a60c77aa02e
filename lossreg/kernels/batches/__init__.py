"""Building blocks of batch kernels: normalized rows, sorted segments, sums by index, and blocks of pairs."""
