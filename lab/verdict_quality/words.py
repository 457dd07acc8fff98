"""The sentences of docs/verdict-quality.md; the studies supply the figures."""

TITLE = "# How good the verdict is"

HEAD = """\
"Before" is the same gate without its sense of falls and absence. What must hold, and all figures,
follow.

A gate can be wrong in two ways: it can say GO to a broken release, and NO-GO to a healthy one. How
often it does either is a property of its rule, and can be measured: the simulation plays seeded
traffic with a known true rate thousands of times, sums each 48 hours up to the cube that the
surveys return, and has the gate's own code judge it. The tables compare this with the rule of the
old monitors: point estimates over the pooled window, with any number of events, without a look at
the newest events or at single integrations, and with 0 of 0 read as 100 %.

Made by `./noxw -s verdict_quality`, {runs} runs a cell; the same command gives the same figures.
[What a rollout is judged by](criteria.md) describes the rule.

## What must hold
"""

WHY = """\
The exact figures ask the judge for the smallest count that passes, at every number of events up
to 1,000 and in growing steps up to 100,000, and compute its binomial tail at a true rate of 80 %;
they involve no chance. Where a simulated share is compared with a limit, three standard deviations
of chance are allowed.

## Why the rule is as it is

- **A minimum of evidence, not of events.** 3 of 3 is 100 %, but proves little: at a true rate of
  80 % it happens every second time. *Met* therefore requires that the count excludes the critical
  level (binomial tail <= 2.5 %), which bounds a false GO at any volume.
- **From 200 events on, 0.1 %.** A tail of 2.5 % makes allowance for few events. With 200 events
  none is needed. For a whole rate, the objective already demands more; for an integration, which
  has no objective of its own, this limit bounds a false GO.
- **Each integration proves itself.** Formerly an integration was critical only when its whole
  interval lay past the level, and passed otherwise. Contacts that failed every second time were
  therefore GO in most looks while they were few: nine events beside a thousand good ones prove
  nothing in either direction, and the pool hides them. Now each of several integrations must
  exclude the critical level by its own events; an integration that is connected and was never
  executed counts as 0 of 0. The price is a HOLD where an integration is hardly used: judge it over
  a longer window.
- **Recency.** An average over 48 hours shows a total outage only after hours. The last 5, 10, 20
  and 50 events show it after five. For the same reason a short burst of failures is NO-GO while it
  lasts: nothing distinguishes it from the beginning of an outage.
- **Falls.** An average over 48 hours shows a sudden fall only after half a day, and the newest 50
  events cannot tell 80 from 90 %. The hourly counts can: they are searched for the hour since when
  the rate is worse. Whoever searches finds something; the threshold allows for that, so that a
  steady rate seldom seems to have fallen however many hours there are. Failures in bursts raise it,
  and a fall holds the verdict only where the rate now misses its objective.
- **Triggers by point estimate, from ten events on.** A rollback must not wait for an interval to
  narrow. In a healthy staging this causes less than one rollback in a hundred runs; see below."""

ONE_LOOK = """\
## One look at a steady rate

Each cell: GO / HOLD / NO-GO or ROLLBACK, in % of the looks, and in brackets how often the old
rule would have passed. The columns are the executed events expected in 48 hours; everything else
is in order. The dotted lines in the curves are the critical level and the objective."""

COURSES = """\
## Other courses of the same mean

The rate is not steady: it drops in bursts (a success rate of 20 % for some minutes in every two
hours), or swings by ten points over the day. Its average over the window is in the first column."""

PARTS = """\
## One integration among good ones

Contacts at several rates and volumes beside 1,000 calendar syncs at 97 %; cells as above.
"""

FALLS = """\
## A sudden fall

After some healthy days, at any hour of the day, the success rate falls from 97 to 80 %, while its
mean over 48 hours stays above the objective for half a day. Hours until the first hourly look that
is not GO, median / 90th percentile; and of the looks six hours after the fall those that are GO.
"Before" is the same gate without its search for falls, "old" the old monitors.
"""

BOUND = """\
## The least delay that there can be

However a rule searches, it pays for few false alarms with delay. Even where both rates are known,
no rule with so few sees a fall from 97 to 80 % sooner on average than after ln(events between two
false alarms) / (information of an event, 0.225 nats): G. Lorden, Ann. Math. Stat. 42 (1971). The
gate knows neither rate and is asked once an hour. Its false alarms at a steady 97 % are too rare to
be counted; importance sampling finds how rare. "Found" is the mean of the delays above.
"""

HEALTHY = """\
## Healthy traffic, looked at every hour

1,000 syncs and 1,000 notifications in 48 hours, where nothing else is said; a look every hour from
the end of the second day to the end of the week. A fall that is seen here is a false one. A daily
wave is no fall as long as it stays above the objective.
"""

CLOCKS = """\
## Clocks of the writers

1,000 syncs in 48 hours, looked at once, six hours after an incident has begun, where rows carry the
time of a writer whose clock is wrong; cells as above. What is true of the rows that were written
last is spread over other hours then, and the rates alone do not see it.
"""

ORDER = """
So the gate also asks in which order the server wrote the newest rows. 1,000 rows of twelve hours,
each by a transaction of its own; how often `db.write_order` holds the verdict. Where all clocks are
behind alike and the server keeps no commit timestamps, the order says nothing; the newest row then
seems as old as the clocks are behind, and its presence is what holds.
"""

DETECTION = """\
## Time to detection

Hours from the beginning of an incident, after 60 healthy hours, until an hourly look says NO-GO or
ROLLBACK: median / 90th percentile, and in brackets the same for the old rule. The columns are
executed syncs in 48 hours. Before that the gate seldom says GO: it holds as soon as the evidence no
longer excludes the critical level. "never" means not within 48 hours. With few syncs the old rule
is sometimes faster to turn red, because any handful of failures turns it red, incident or not."""

DURING = """\
One look six hours after the beginning: GO / HOLD / NO-GO or ROLLBACK, and the old rule's GO."""

NEAR = """\
## Near the target, with many events

All rates two points above their objectives, 2,000 events of each in 48 hours, all rules together.
The NO-GO looks "in bursts" lie in a burst or just after it: most of the last five or ten syncs have
failed then. These are not false alarms; detecting them is what recency is for. The daily wave runs
from 84 to 100 %: by night it is below the objective, and a look may hold for a fall then."""

STAGING = """\
## A healthy small staging

20 users, 10 new ones in 48 hours; 120 executed syncs and 140 notifications in 48 hours. 97 % of the
syncs and 98.5 % of the notifications succeed, and 1 % of new connections never work. The soak ends
on day 2; the evidence on new users takes longer."""

POLLING = """\
## Asking often enough finds a lucky window

The sync rate is exactly at its critical level. How often does one look at hour 48 say GO, and how
often does at least one of the hourly looks from then to the end of the week?"""

MODEL = """\
Windows overlap, so 121 looks are far fewer than 121 independent chances; and the more events, the
fewer lucky windows. But where events are few, whoever polls and stops at the first GO is several
times as likely to get a false one as with a single look. Every record therefore states with its
certainty how often the gate was asked until it gave this answer ("gate number 57 since the
deployment"); the list of records shows the other answers. Fix the moment of the decision
beforehand, normally the end of the soak; if polling finds a GO, ask once more one window later,
which shares no event with the first.

## What is simulated, and what is not

Events arrive at random (Poisson) with a daily wave; each belongs to one of the users' connections.
Integrations are mixed, and skipped syncs added, as in the rehearsal's traffic. Tokens, breakers,
jobs, endpoints, schema and ledger are assumed to be in order: they are censuses and answers without
chance, and can only make a verdict worse. Some windows are also written to a PostgreSQL as rows,
measured by the surveys and compared with the simulated cube: every count is equal.

This sample of looks lets a test check that this page belongs to the current rule:
"""
