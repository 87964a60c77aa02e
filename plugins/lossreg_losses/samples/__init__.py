"""Losses of samples: how far the distribution of some rows is from that of others."""
