"""The contract with helpers and idioms that people use, so that the suite shows what each of them does to a user.

Each is one of the four servers with only its streams replaced. What fails stands in its `impl.toml`, with the reason.
"""
