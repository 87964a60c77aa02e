"""Diabetes: the progression of the disease after one year, to be predicted from ten measurements at the start.

442 rows, 10 features (centred and scaled), one real target from 25 to 346.
Source: Efron, Hastie, Johnstone, Tibshirani (2004), doi:10.1214/009053604000000067; the copy in scikit-learn.
"""

from lossreg.plugin import Data, Table, data, hookimpl


@data
def diabetes() -> Table:
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes()
    return Table(bunch.data, bunch.target, features=tuple(bunch.feature_names))


@hookimpl
def lossreg_component() -> Data:
    return diabetes
