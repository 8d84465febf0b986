"""What a program was meant to do, and whether it does."""
