"""`streamspec lint`: any endpoint that streams, judged by what the wire alone shows.

`address` and `request` say what is asked for, `look` and `visit` record it, `content` reads the bytes by their media
type; `checks/` judge, `verdicts` collect, `timeline` and `console` show, `beside` compares a path with its origin.
"""
