"""Kills real servers amid deliveries, and judges from outside what became of each push."""
