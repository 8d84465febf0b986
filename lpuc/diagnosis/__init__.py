"""What is wrong with a compilation, where, and the smallest input that shows it."""
