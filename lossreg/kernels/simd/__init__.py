"""Types and operations that compute several elements or rows at a time in vector registers."""
