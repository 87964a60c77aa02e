"""Digits: handwritten digits as images of 8 by 8 grey values, to be classified.

1,797 rows, 64 features from 0 to 16, 10 classes.
Source: UCI, Optical Recognition of Handwritten Digits (Alpaydin, Kaynak, 1998), doi:10.24432/C50P49; scikit-learn.
"""

from lossreg.plugin import Data, Table, data, hookimpl


@data
def digits() -> Table:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Table(bunch.data, bunch.target, tuple(map(str, bunch.target_names)), tuple(bunch.feature_names))


@hookimpl
def lossreg_component() -> Data:
    return digits
