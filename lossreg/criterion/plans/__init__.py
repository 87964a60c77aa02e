"""Plans: how a call that has been checked, and every later call with the same signature, is computed."""
