"""
Make what fails small: a model or IR that fails in the same way with as little as possible in it.

`search` keeps the smallest so far, bounded in tries. `model` and `extents` make models smaller,
`ir` and `text` IR. `oracle` says how something fails, `command` asks a program of the user's.
`written` makes a test of what is left.
"""
