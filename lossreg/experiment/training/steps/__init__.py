"""Training steps: by the gradients of weights and an optimizer, or by adding trees."""
