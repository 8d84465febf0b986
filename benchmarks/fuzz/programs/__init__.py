"""
Programs and texts that nobody compiled: a file changed in one place, its checksums right again.

`mutants` changes code, interface, provenance, target and bounds of a program, `texts` assembly and
IR. `trial` runs the commands of `lpuc` on them in one process and says what was wrong: an exit code
of 70, a traceback, more memory than the file states. `benchmarks.fuzz.pool` ends what hangs.
"""
