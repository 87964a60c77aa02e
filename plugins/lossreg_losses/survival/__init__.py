"""Losses of survival: times to an event, which some samples have not seen."""
