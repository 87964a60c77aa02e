"""Losses of embeddings: rows that are to be near each other or far apart."""
