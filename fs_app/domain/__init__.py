"""Frozen values and closed enumerations that every room shares. Standard library only."""
