"""The built-in optimizers: the update rule of one weight each."""
