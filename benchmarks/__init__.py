"""Measurements on models that are not part of the checkout."""
