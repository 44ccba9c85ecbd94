"""Requirements of clients, one module an area. Pure functions of a Play, each with its mutants under it."""
