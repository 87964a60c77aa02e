"""Types and operations for several elements or rows at a time."""
