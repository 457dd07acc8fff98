"""SQL as PostgreSQL's own parser reads it (postgast, with the grammar of PostgreSQL 18).

The parser takes time to load, and no gate run needs it: import these modules where they are used,
never at the head of a module that a gate run enters.
"""
