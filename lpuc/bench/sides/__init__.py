"""What runs in the processes of both sides: `worker` is their program."""
