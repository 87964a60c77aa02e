"""The built-in losses: one file for each, in folders by family, found by the same entry points as anybody's."""
