alter table settlements set schema :aside;
