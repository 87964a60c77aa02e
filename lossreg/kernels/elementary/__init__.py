"""Branch-free elementary functions for compiled code, which vectorize."""
