"""Heirloom against other people's software, on loopback: see ../README.md."""
