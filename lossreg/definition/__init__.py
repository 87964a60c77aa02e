"""What a plugin defines: components, losses and their kernels, domains and parameters, and the hook that offers them."""
