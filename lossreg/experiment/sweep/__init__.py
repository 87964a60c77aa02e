"""Sweeps: many runs of one config, each with different values of some keys.

    trials.py            the trials of a sweep: one config each, checked before any of them runs
    optuna_trials.py     trials that Optuna proposes, one after another
    run_sweep.py         run all trials to the end, whatever happens to the processes that run them
    sweep_directory.py   the directory of a sweep, which belongs to one config
    engines.py           where trials run: processes of this machine (worker.py), or a Dask cluster
    run_trial.py         run one trial, in a directory named by the hash of its config
    summary.py           the results: mean and standard deviation over seeds for each config, the best first
    sweep_progress.py    show the progress of a sweep

A sweep is a directory with one run for each trial. There is no other state: which trials are still to be run follows
from these directories.
"""
