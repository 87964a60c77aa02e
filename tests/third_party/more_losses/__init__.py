"""Nine losses of a distribution that is not lossreg's own."""
