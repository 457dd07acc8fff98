-- Once, on the coordinator, before 038: each user on every node, so that all tables may refer to them.
-- What is keyed by something else than a user (an address, a channel) is unique only in a reference table.
select create_reference_table('users');
