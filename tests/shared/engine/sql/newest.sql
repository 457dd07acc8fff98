select k, n from events order by at desc limit %(most_recent)s;
