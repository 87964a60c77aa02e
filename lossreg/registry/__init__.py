"""Registries: plugins found by name among the installed entry points."""
