"""Tables of data: reading columns, splitting into training, validation and test rows, and preprocessing inputs."""
