"""Sweeps: many runs of one config, each with other values of some keys.

    block.py         what a config's `sweep` says: the keys, and the values to try
    plan.py          the trials that follow, each a config of its own, checked before any of them runs
    proposals.py     trials that Optuna proposes, one after the other
    trial.py         one trial: a run in the directory that is named by the hash of its config
    engines.py       who runs trials: processes of this machine, with worker.py in each, or a Dask cluster
    conduct.py       all the trials, to the end, whatever happens to those who run them
    summary.py       what came of them: mean and spread over seeds, the best first
    progress.py      how it goes, for people

A sweep is a directory with a run in it for each trial, and these are the truth: there is nothing else to go by, or to
get wrong, when a sweep is run again.
"""
