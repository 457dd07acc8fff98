"""A rollout's whole world on one machine, for the rehearsal and the tests.

PostgreSQL, schema, traffic and the stand-in application: the one room that may name an object of an
application. It may import every room but the two doors.
"""
