"""What equal operations become is worked out once: the layers of a model are copies."""
