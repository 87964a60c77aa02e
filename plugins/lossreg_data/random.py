"""Random: inputs drawn at random, and targets computed from them by a hidden linear model, the teacher.

    inputs ~ N(0, 1)        score = inputs @ teacher + noise N(0, 1)        teacher ~ N(0, 1 / features)

With `classes` 0 the targets are the scores, one for each of `outputs`; otherwise the class with the largest score.
`seed` determines the data. It is separate from the seed of the run, so that runs of different seeds use the same data.
"""

from lossreg.plugin import Data, NonNegative, NonNegativeInteger, PositiveInteger, Table, data, hookimpl


@data
def random(
    *,
    samples: PositiveInteger = 1000,
    features: PositiveInteger = 10,
    outputs: PositiveInteger = 1,
    classes: NonNegativeInteger = 0,
    noise: NonNegative = 0.1,
    seed: NonNegativeInteger = 0,
) -> Table:
    from numpy.random import default_rng

    draw = default_rng(seed)
    inputs = draw.normal(size=(samples, features))
    teacher = draw.normal(size=(features, classes or outputs)) / features**0.5
    scores = inputs @ teacher + noise * draw.normal(size=(samples, classes or outputs))
    return Table(inputs, scores.argmax(axis=1), tuple(map(str, range(classes)))) if classes else Table(inputs, scores)


@hookimpl
def lossreg_component() -> Data:
    return random
