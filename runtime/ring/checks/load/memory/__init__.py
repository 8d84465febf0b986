"""What the memories of all devices hold: runs of bytes, tags, events, and the rules for reads."""
