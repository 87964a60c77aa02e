"""Pictures of losses: the curves of value, slope and second derivative, drawn in a terminal or by matplotlib."""
