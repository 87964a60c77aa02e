"""Losses inside other libraries: each module needs one of them and is imported by itself."""
