"""Judge passes to and on instructions by what these write."""
