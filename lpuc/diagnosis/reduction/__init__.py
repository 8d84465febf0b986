"""
Make what fails small: a model or IR that fails in the same way with as little as possible in it.

`search` keeps the smallest so far, bounded in tries. `model` and `ir` are the ways to make models
and IR smaller. `oracle` says how something fails, and `bisect` where its few calls do not show it;
`command` asks a program of the user's. `subjects` puts these together, `written` makes a test of
what is left.
"""
