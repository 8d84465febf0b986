"""The bytes of a model: which files may be opened, and what protobuf is given of them."""
