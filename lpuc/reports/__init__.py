"""What is said of programs, models and operators; nothing here changes them."""
