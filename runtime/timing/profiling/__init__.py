"""Who pays for the time of a run: every cycle of every engine, and the way to the end.

    run = record(program, {"P": 100})
    accounts(run)           # cycles by engine, cause, node, and the node that is waited for
    critical_path(run)      # from the last result back to the first issue

Both are folds over the events of `runtime.timing`, which they never change, and both are exact: the
accounts of an engine add up to the cycles of the run, and so do the pieces of the path.
"""
