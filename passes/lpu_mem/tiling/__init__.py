"""How one operation over a large iteration space becomes tiles that fit the LMU."""
