"""Element types and their arithmetic: what every part of the machine agrees on."""
