"""Iris: lengths and widths of petals and sepals, to distinguish three species.

150 rows, 4 features in cm, 3 classes.
Source: Fisher (1936), doi:10.1111/j.1469-1809.1936.tb02137.x; the copy in scikit-learn.
"""

from lossreg.plugin import Data, Table, data, hookimpl


@data
def iris() -> Table:
    from sklearn.datasets import load_iris

    bunch = load_iris()
    return Table(bunch.data, bunch.target, tuple(map(str, bunch.target_names)), tuple(bunch.feature_names))


@hookimpl
def lossreg_component() -> Data:
    return iris
