select distinct integration from events;
