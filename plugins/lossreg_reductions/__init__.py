"""The built-in reductions that are plugins; each makes one number of the values of a batch."""
