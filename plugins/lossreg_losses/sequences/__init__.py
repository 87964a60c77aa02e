"""Losses of sequences: a series of classes without an alignment."""
