"""Configs: from a YAML file to checked choices."""
