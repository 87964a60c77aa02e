"""The built-in losses: one file each, in folders by family, found by entry points like those of any distribution."""
