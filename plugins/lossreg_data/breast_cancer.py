"""Breast cancer: measurements of cell nuclei, to distinguish malignant from benign tumours.

569 rows, 30 features of very different scales (standardise them), 2 classes.
Source: UCI, Breast Cancer Wisconsin (Diagnostic) (Wolberg et al., 1995), doi:10.24432/C5DW2B; the copy in scikit-learn.
"""

from lossreg.plugin import Data, Table, data, hookimpl


@data
def breast_cancer() -> Table:
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return Table(bunch.data, bunch.target, tuple(map(str, bunch.target_names)), tuple(bunch.feature_names))


@hookimpl
def lossreg_component() -> Data:
    return breast_cancer
