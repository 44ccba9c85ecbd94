"""Reading HTTP streams: an exact event stream decoder, and a probe that records what a server really sent.

Importing this package pulls in the standard library alone; `probe` needs h11.
"""
