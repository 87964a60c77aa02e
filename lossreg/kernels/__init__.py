"""Compiled loops over arrays; no other package compiles."""
