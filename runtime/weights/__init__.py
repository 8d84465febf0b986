"""Parameters: recipes over ranges of files, read in pieces, referred to or written."""
