"""The built-in schedules: the factor on the learning rate, as a function of how far the run is."""
