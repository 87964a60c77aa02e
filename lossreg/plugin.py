"""Everything that authors of plugins import.

    from lossreg.plugin import Positive, Real, hookimpl, loss

* `loss`, `model`, `optimizer`, `data`, `schedule`, `reduction`, `metric` and `tracker` are decorators, each of which
  makes a component from a function; `hookimpl` marks the hook that returns the component.
* Domains, such as `Real`, `Positive` or `ClassIndex`, annotate the inputs and parameters of that function.
* `Row`, `ClassRow`, `Slope` and `Slopes` annotate rows of a kernel, `Array` and `Axes` the arrays of a batch kernel;
  `Width` fixes the length of a row, and `Learned` has an input trained beside the network.
* `Domain`, `InverseLink` and `shifted_softplus` make custom domains.
* `each`, `Scratch`, `require`, `normalized_rows`, `sorted_segments` and the like are for batch kernels.
* `Table` and `Columns` are what data sets return; `Network`, `Dense`, `BoostedNetwork` and the like make models.
* `shares_of_largest` is for reductions, `predicted_classes`, `scikit_learn_metric` and the like are for metrics.

Functions for the formulas of kernels are in `lossreg.kernels.numerics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossreg._lazy import lazy

if TYPE_CHECKING:
    from lossreg.bridges.boosting.score_objective import ScoreObjective as ScoreObjective
    from lossreg.criterion.from_kernels.row_criteria import (
        each_group_as_row as each_group_as_row,
        row_criterion as row_criterion,
    )
    from lossreg.criterion.reduction_plugins.shares import (
        shares_of_largest as shares_of_largest,
        weighted_mean as weighted_mean,
    )
    from lossreg.definition.annotations import (
        Array as Array,
        Axes as Axes,
        Broadcast as Broadcast,
        ClassIndex as ClassIndex,
        ClassRow as ClassRow,
        Dissimilarity as Dissimilarity,
        Event as Event,
        EventProbability as EventProbability,
        Finite as Finite,
        FiniteNonNegative as FiniteNonNegative,
        FinitePositive as FinitePositive,
        Fraction as Fraction,
        Given as Given,
        Group as Group,
        IgnoredLabel as IgnoredLabel,
        IncreasingIntegers as IncreasingIntegers,
        Learned as Learned,
        Length as Length,
        LogProbability as LogProbability,
        Multiplicity as Multiplicity,
        NonNegative as NonNegative,
        NonNegativeInteger as NonNegativeInteger,
        PaddedClassIndex as PaddedClassIndex,
        Positive as Positive,
        PositiveInteger as PositiveInteger,
        PositiveTime as PositiveTime,
        Probability as Probability,
        Real as Real,
        Row as Row,
        SampleWeight as SampleWeight,
        Scale as Scale,
        Sign as Sign,
        Slope as Slope,
        Slopes as Slopes,
        Symbol as Symbol,
        Target as Target,
        Time as Time,
        Unit as Unit,
        View as View,
        Weight as Weight,
        Width as Width,
    )
    from lossreg.definition.component import (
        Component as Component,
        Data as Data,
        Metric as Metric,
        Model as Model,
        Optimizer as Optimizer,
        Reduction as Reduction,
        Schedule as Schedule,
        Tracker as Tracker,
        data as data,
        metric as metric,
        model as model,
        optimizer as optimizer,
        reduction as reduction,
        schedule as schedule,
        tracker as tracker,
    )
    from lossreg.definition.domains import (
        Domain as Domain,
        InverseLink as InverseLink,
        shifted_softplus as shifted_softplus,
    )
    from lossreg.definition.hooks import hookimpl as hookimpl
    from lossreg.definition.loss import Loss as Loss, loss as loss
    from lossreg.errors import InvalidInput as InvalidInput, InvalidParameter as InvalidParameter
    from lossreg.experiment.data.columns import Columns as Columns
    from lossreg.experiment.data.csv_format import read_file as read_file
    from lossreg.experiment.data.table import Table as Table
    from lossreg.experiment.network.boosted import (
        BoostedNetwork as BoostedNetwork,
        Tree as Tree,
        with_options as with_options,
    )
    from lossreg.experiment.network.interface import Network as Network
    from lossreg.experiment.network.sequential import Dense as Dense, Sequential as Sequential
    from lossreg.experiment.task.metric_functions import (
        class_probabilities as class_probabilities,
        indicator_matrix as indicator_matrix,
        predicted_classes as predicted_classes,
        scikit_learn_metric as scikit_learn_metric,
        score_of_second_class as score_of_second_class,
    )
    from lossreg.experiment.task.order_metrics import (
        grouped_ndcg as grouped_ndcg,
        harrell_concordance as harrell_concordance,
    )
    from lossreg.kernels.batches.columns import (
        centred_columns as centred_columns,
        column_products as column_products,
    )
    from lossreg.kernels.batches.discrepancy import sample_discrepancy as sample_discrepancy
    from lossreg.kernels.batches.overlaps import (
        inverse_or_zero as inverse_or_zero,
        lovasz_jaccard as lovasz_jaccard,
        overlap_losses as overlap_losses,
    )
    from lossreg.kernels.batches.pairs import (
        each_row_of_cosines as each_row_of_cosines,
        each_row_of_products as each_row_of_products,
        through_cosines as through_cosines,
    )
    from lossreg.kernels.batches.rows import (
        add_rows as add_rows,
        normalized_rows as normalized_rows,
        through_normalization as through_normalization,
    )
    from lossreg.kernels.batches.segments import (
        blocks_of_pairs as blocks_of_pairs,
        order_within as order_within,
        segment_softmax as segment_softmax,
        segment_sums as segment_sums,
        sorted_segments as sorted_segments,
    )
    from lossreg.kernels.drivers.batch_kernel import each as each, require as require
    from lossreg.kernels.drivers.scratch import Scratch as Scratch

EXPORTED = {
    "lossreg.bridges.boosting.score_objective": "ScoreObjective",
    "lossreg.criterion.from_kernels.row_criteria": "each_group_as_row row_criterion",
    "lossreg.criterion.reduction_plugins.shares": "shares_of_largest weighted_mean",
    "lossreg.definition.annotations": (
        "Array Axes Broadcast ClassIndex ClassRow Dissimilarity Event EventProbability Finite "
        "FiniteNonNegative FinitePositive Fraction Given Group IgnoredLabel IncreasingIntegers Learned Length "
        "LogProbability Multiplicity NonNegative NonNegativeInteger PaddedClassIndex Positive PositiveInteger "
        "PositiveTime Probability Real Row SampleWeight Scale Sign Slope Slopes Symbol Target Time Unit View "
        "Weight Width"
    ),
    "lossreg.definition.component": (
        "Component Data Metric Model Optimizer Reduction Schedule Tracker data metric model optimizer "
        "reduction schedule tracker"
    ),
    "lossreg.definition.domains": "Domain InverseLink shifted_softplus",
    "lossreg.definition.hooks": "hookimpl",
    "lossreg.definition.loss": "Loss loss",
    "lossreg.errors": "InvalidInput InvalidParameter",
    "lossreg.experiment.data.columns": "Columns",
    "lossreg.experiment.data.csv_format": "read_file",
    "lossreg.experiment.data.table": "Table",
    "lossreg.experiment.network.boosted": "BoostedNetwork Tree with_options",
    "lossreg.experiment.network.interface": "Network",
    "lossreg.experiment.network.sequential": "Dense Sequential",
    "lossreg.experiment.task.metric_functions": (
        "class_probabilities indicator_matrix predicted_classes scikit_learn_metric score_of_second_class"
    ),
    "lossreg.experiment.task.order_metrics": "grouped_ndcg harrell_concordance",
    "lossreg.kernels.batches.columns": "centred_columns column_products",
    "lossreg.kernels.batches.discrepancy": "sample_discrepancy",
    "lossreg.kernels.batches.overlaps": "inverse_or_zero lovasz_jaccard overlap_losses",
    "lossreg.kernels.batches.pairs": "each_row_of_cosines each_row_of_products through_cosines",
    "lossreg.kernels.batches.rows": "add_rows normalized_rows through_normalization",
    "lossreg.kernels.batches.segments": "blocks_of_pairs order_within segment_softmax segment_sums sorted_segments",
    "lossreg.kernels.drivers.batch_kernel": "each require",
    "lossreg.kernels.drivers.scratch": "Scratch",
}
"""The names that each module exports to plugins."""
EXPORTS = {name: module for module, names in EXPORTED.items() for name in names.split()}

__all__ = sorted(EXPORTS)  # noqa: PLE0605  it is derived from the table above
__getattr__ = lazy(__name__, EXPORTS)


def __dir__() -> list[str]:
    return __all__
