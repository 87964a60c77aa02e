"""Arrays of other libraries, given straight to a criterion."""

import jax
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

import lossreg
from lossreg.criterion.arguments import as_array
from lossreg.errors import InvalidInput, InvalidType

X, Y = np.array([0.5, -1.0, 2.0], np.float32), np.array([0.0, 1.0, 2.5], np.float32)
MSE = lossreg.create("mse")
MAKERS = {
    "torch": torch.from_numpy,
    "jax": jax.numpy.asarray,
    "pandas": pd.Series,
    "polars": pl.Series,
    "pyarrow": pa.array,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_arrays_of_other_libraries_are_taken_without_a_copy(make):
    given = make(X)
    assert MSE(given, make(Y)) == MSE(X, Y)
    one, other = (as_array(given, "mse", "prediction") for _ in range(2))
    assert np.shares_memory(one, other)


class DlpackOnly:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **keywords):
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_alone_is_enough():
    given = DlpackOnly(X)
    assert MSE(given, Y) == MSE(X, Y)
    assert np.shares_memory(as_array(given, "mse", "prediction"), X)


@pytest.mark.parametrize(
    "given",
    [torch.from_numpy(X).requires_grad_(), torch.from_numpy(X).bfloat16(), torch.empty(3, device="meta")],
    ids=["requires_grad", "bfloat16", "device"],
)
def test_tensors_that_are_no_plain_memory_are_refused_with_the_bridge(given):
    with pytest.raises(InvalidType, match=r"mse: expected prediction as numbers .* lossreg\.bridges\.torch has losses"):
        MSE(given, Y)


def test_traced_arrays_are_refused_with_the_bridge():
    with pytest.raises(InvalidType, match=r"lossreg\.bridges\.jax has losses"):
        jax.jit(lambda x: MSE(x, Y))(X)


@pytest.mark.parametrize(
    ("labels", "remedy"),
    [
        (pd.Series([0, 1, 1], dtype="category"), "cat.codes"),
        (pd.Categorical(["a", "b", "b"]), "codes"),
        (pl.Series(["a", "b", "b"], dtype=pl.Categorical), "to_physical"),
        (pa.array(["a", "b", "b"]).dictionary_encode(), "indices"),
        (pa.chunked_array([pa.array(["a", "b", "b"]).dictionary_encode()]), r"combine_chunks\(\)\.indices"),
    ],
)
def test_categories_are_refused_with_the_remedy(labels, remedy):
    with pytest.raises(InvalidType, match=f"expected label as numbers; got categories: .*{remedy}"):
        lossreg.create("cross_entropy")(np.zeros((3, 2)), labels)


@pytest.mark.parametrize(
    "given", [pd.Series([1.0, None, 2.0], dtype="Float32"), pl.Series([1.0, None, 2.0]), pa.array([1.0, None, 2.0])]
)
def test_missing_values_are_refused(given):
    with pytest.raises(InvalidInput, match="expected prediction without missing values; got 1"):
        MSE(given, Y)


LOGITS = np.array([[0.5, -1.0], [2.0, 0.25], [-0.5, 1.0]], np.float32)
FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "batch": pa.record_batch,
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_a_frame_has_a_column_for_each_class(make):
    loss, columns = lossreg.create("cross_entropy"), {"a": LOGITS[:, 0], "b": LOGITS[:, 1]}
    labels = np.array([0, 1, 1])
    assert loss(make(columns), labels) == loss(LOGITS, labels)
    with_missing = {"a": [0.5, None, 1.0], "b": [1.0, 2.0, 3.0]}
    given = pd.DataFrame(with_missing, dtype="Float32") if make is FRAMES["pandas"] else make(with_missing)
    with pytest.raises(InvalidInput, match="expected logits without missing values; got 1"):
        loss(given, labels)


def test_frames_of_nullable_and_of_other_columns():
    loss, labels = lossreg.create("cross_entropy"), pd.Series([0, 1, 1], dtype="Int64")
    assert loss(pd.DataFrame(LOGITS).astype("Float32"), labels) == loss(LOGITS, np.array([0, 1, 1]))
    categories = [
        pd.DataFrame({"a": pd.Categorical([0, 1, 1]), "b": X}),
        pl.DataFrame({"a": pl.Series(["x", "y", "y"], dtype=pl.Categorical), "b": X}),
        pa.table({"a": pa.array(["x", "y", "y"]).dictionary_encode(), "b": X}),
    ]
    for frame in categories:
        with pytest.raises(InvalidType, match="expected logits as numbers; got categories"):
            loss(frame, labels)
    with pytest.raises(InvalidType, match=r"got a LazyFrame: collect\(\) it"):
        MSE(pl.LazyFrame({"a": X}), Y)
    with pytest.raises(InvalidType, match=r"got an object of type Series and shape \(3,\) and dtype object"):
        MSE(pd.Series([1.0, 2.0, 3.0], dtype=object), Y)


def test_nan_in_a_plain_series_is_a_number():
    assert np.isnan(MSE(pd.Series([1.0, np.nan]), pd.Series([1.0, 2.0])))


def test_indices_of_pandas_have_to_be_equal():
    with pytest.raises(InvalidInput, match="mse: expected pandas objects with equal indices"):
        MSE(pd.Series(X), pd.Series(Y, index=[2, 1, 0]))
    assert MSE(pd.Series(X, index=[2, 1, 0]), pd.Series(Y, index=[2, 1, 0])) == MSE(X, Y)
