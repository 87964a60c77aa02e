"""The built-in optimizers; each is the update rule of a single weight."""
