"""The functions that the plain formulas need beyond arithmetic, with one name for PyTorch and for JAX."""

from __future__ import annotations

from typing import Any


class Torch:
    """PyTorch's functions."""

    def __init__(self) -> None:
        import torch

        self.xp = torch
        self.softplus, self.sigmoid = torch.nn.functional.softplus, torch.sigmoid
        self.erf, self.lgamma, self.acos = torch.erf, torch.lgamma, torch.acos
        self.log_sum_exp, self.log_softmax, self.softmax = torch.logsumexp, torch.log_softmax, torch.softmax
        self.cumulative_log_sum_exp = torch.logcumsumexp

    def stop(self, x: Any) -> Any:
        """A constant to the derivative."""
        return x.detach()

    def take(self, x: Any, label: Any) -> Any:
        """The item of each row at its label."""
        return x.gather(1, label[:, None])[:, 0]

    def descending(self, x: Any) -> Any:
        """The items along the last axis in descending order."""
        return self.xp.sort(x, -1, descending=True)[0]

    def order(self, x: Any) -> Any:
        """The positions of the items along the last axis in descending order."""
        return self.xp.argsort(x, -1, descending=True)

    def along(self, x: Any, order: Any) -> Any:
        """The items along the last axis in an order."""
        return x.gather(-1, order)

    def counting(self, count: int, like: Any) -> Any:
        """0 to count - 1, of the type of another array."""
        return self.xp.arange(count, dtype=like.dtype)


class Jax:
    """JAX's functions."""

    def __init__(self) -> None:
        import jax

        self.xp, self.lax = jax.numpy, jax.lax
        self.softplus, self.sigmoid = jax.nn.softplus, jax.nn.sigmoid
        self.erf, self.lgamma, self.acos = jax.scipy.special.erf, jax.scipy.special.gammaln, jax.numpy.arccos
        self.log_sum_exp, self.log_softmax, self.softmax = jax.nn.logsumexp, jax.nn.log_softmax, jax.nn.softmax
        self.cumulative_log_sum_exp = jax.lax.cumlogsumexp

    def stop(self, x: Any) -> Any:
        """A constant to the derivative."""
        return self.lax.stop_gradient(x)

    def take(self, x: Any, label: Any) -> Any:
        """The item of each row at its label."""
        return self.xp.take_along_axis(x, label[:, None], axis=1)[:, 0]

    def descending(self, x: Any) -> Any:
        """The items along the last axis in descending order."""
        return -self.xp.sort(-x, axis=-1)

    def order(self, x: Any) -> Any:
        """The positions of the items along the last axis in descending order."""
        return self.xp.argsort(-x, axis=-1)

    def along(self, x: Any, order: Any) -> Any:
        """The items along the last axis in an order."""
        return self.xp.take_along_axis(x, order, axis=-1)

    def counting(self, count: int, like: Any) -> Any:
        """0 to count - 1, of the type of another array."""
        return self.xp.arange(count, dtype=like.dtype)
