"""What can be seen of a pipeline from outside: printed IR, times, what a failure leaves."""
