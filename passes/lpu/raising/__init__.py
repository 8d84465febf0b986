"""How the passes `lpu-raise-*` recognise what exporters have taken apart."""
