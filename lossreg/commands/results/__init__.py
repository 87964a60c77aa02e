"""Commands that read or delete the results of runs."""
