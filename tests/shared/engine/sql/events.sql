select k, n, value from events where at >= %(window_start)s and at < %(as_of)s;
