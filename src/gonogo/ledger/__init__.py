"""What was done to a database, and by whom: kept in the database itself, one deployer at a time."""
