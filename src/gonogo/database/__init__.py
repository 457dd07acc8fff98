"""The database that is worked on: its connections, what is sent over them, with which manners."""
