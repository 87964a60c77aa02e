"""Wine: chemical measurements of wines, to distinguish three cultivars.

178 rows, 13 features of very different scales (standardise them), 3 classes.
Source: UCI, Wine (Aeberhard, Forina, 1992), doi:10.24432/C5PC7J; the copy in scikit-learn.
"""

from lossreg.plugin import Data, Table, data, hookimpl


@data
def wine() -> Table:
    from sklearn.datasets import load_wine

    bunch = load_wine()
    return Table(bunch.data, bunch.target, tuple(map(str, bunch.target_names)), tuple(bunch.feature_names))


@hookimpl
def lossreg_component() -> Data:
    return wine
