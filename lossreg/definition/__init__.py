"""What plugins define: components, losses and kernels, domains and parameters, and the hook."""
