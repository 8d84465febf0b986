"""Proofs that devices in a ring neither hang nor mix up what they send, by codes of their own."""
