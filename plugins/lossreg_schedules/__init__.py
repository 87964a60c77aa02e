"""The built-in schedules; each computes the factor on the learning rate from the progress of the run."""
