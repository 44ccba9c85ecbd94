"""The suite turned round: a server that plays edge cases at clients of event streams, and what must hold of these.

An adapter drives a client and tells what it sees; `Playing` records that beside what crossed the wire; requirements
judge the record. `control` is a client that holds everything, and the base of every mutant.
"""
