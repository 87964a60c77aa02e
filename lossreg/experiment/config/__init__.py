"""Configs: read YAML, apply inheritance and changes, check every value, and describe all keys as JSON Schema."""
