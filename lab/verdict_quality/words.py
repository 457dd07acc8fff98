"""The sentences of docs/verdict-quality.md; figures come from the studies."""

HEAD = """\
# How good the verdict is

A gate can be wrong in two ways: GO on a release that is broken, and NO-GO on one that is well.
How often, is a property of the rule, and can be counted: here seeded traffic with a known true
rate is played thousands of times, each 48 hours of it is summed up to the cube that the surveys
bring, and the gate's own code judges it. Beside it stands the rule of the monitors that came
before: point estimates over the pooled window, any number of events, no look at the newest ones
or at single integrations, and 0 of 0 read as 100 %.

Made by `./noxw -s verdict_quality`, {runs} runs a cell; the same command gives the same figures.
What the rule is, says [What a rollout is judged by](criteria.md).

## What must hold
"""

WHY = """\
The exact figures ask the judge for the smallest count that passes, at every number of events up
to 1,000 and in ever larger steps up to 100,000, and take its binomial tail at 80 %; no chance is
in them. Where simulated shares are compared with a limit, three standard deviations of chance are
allowed for.

## Why the rule is as it is

- **A minimum of evidence, not of events.** 3 of 3 is 100 %, and says little: at a true rate of 80
  % it happens every second time. *Met* therefore asks that the count excludes the critical level
  (binomial tail <= 2.5 %); that is what bounds a false GO at any volume.
- **From 200 events on, 0.1 %.** A tail of 2.5 % excuses a lack of events. With 200 there is none
  left to excuse. For a whole rate its objective asks for more anyway; for an integration, which
  has no objective of its own, this is what bounds it.
- **Each integration proves itself.** Before, an integration was critical when its whole interval
  lay past the level, and passed otherwise. So contacts that fail every second time were GO in
  most looks as long as there were few of them: nine events beside a thousand good ones prove
  nothing in either direction, and the pool hides them. Now each of several integrations must
  exclude the critical level by its own events; one that is connected and was not executed at all
  counts as none of none. The price is a HOLD where an integration is hardly used: judge it over a
  longer window.
- **Recency.** An average over 48 hours needs hours to show a total outage. The last 5, 10, 20 and
  50 events show it after five. The same look is why a short burst of failures, while it lasts, is
  NO-GO: nobody can tell it from the beginning of an outage.
- **Triggers by point estimate, from ten events on.** A rollback must not wait for an interval to
  narrow. That costs a healthy staging less than one rollback in a hundred, below."""

ONE_LOOK = """\
## One look at a steady rate

Each cell: GO / HOLD / NO-GO or ROLLBACK, in % of the looks, and in brackets how often the old
rule would have let it pass. Columns are the executed events expected in 48 hours; everything else
is in order. In the curves the dotted lines are the critical level and the objective."""

COURSES = """\
## Other courses of the same mean

The rate is not steady but comes in bursts (a success rate of 20 % for some minutes in every two
hours), or swings by ten points over the day. On average over the window it is what the first
column says."""

PARTS = """\
## One integration among good ones

Contacts at some rate and volume beside 1,000 calendar syncs at 97 %; cells as above.
"""

DETECTION = """\
## Time to detection

Hours from the beginning of an incident, after 60 healthy ones, until an hourly look says NO-GO or
ROLLBACK: median / ninth of ten, and in brackets the same of the old rule. Columns are executed
syncs in 48 hours. Until then the gate seldom says GO: it holds as soon as the evidence no longer
excludes the critical level. "never" is: not within 48 hours. With few syncs the old rule is
sometimes quicker to turn red, because it is so on any handful of failures, incident or not."""

DURING = """\
One look six hours after the beginning: GO / HOLD / NO-GO or ROLLBACK, and the old rule's GO."""

NEAR = """\
## Near the target, with many events

All rates two points above their objectives, 2,000 events of each in 48 hours, all rules
together. NO-GO "in bursts" are looks that fall into a burst, or right behind it: of the last five
or ten syncs most have failed then, and that is no false alarm but what recency is for."""

STAGING = """\
## A healthy small staging

20 users, 10 new ones in 48 hours; 120 executed syncs and 140 notifications in 48 hours. Syncs
succeed in 97 %, notifications in 98.5 %, and 1 % of new connections never work. The soak is over
on day 2; what takes longer is the evidence on new users."""

POLLING = """\
## Asking often enough finds a lucky window

The sync rate is exactly at its critical level. One look at hour 48, or one every hour from then
to the end of the week: how often is there a GO among them?"""

MODEL = """\
Windows overlap, so 121 looks are far from 121 chances; and the more events, the fewer lucky
windows. But where they are few, whoever polls and stops at the first GO has several times the
chance of a false one that a single look has. Therefore every record says how sure it is with,
among others, "gate number 57 since the deployment": so often it was asked until this answer came;
the list of records has the other answers. Fix the moment of the decision beforehand, normally the
end of the soak; if a GO is found by polling, ask once more a window later, which shares no event
with the first.

## What is simulated, and what is not

Events come by chance (Poisson) with a daily wave; each belongs to one of the users' connections.
Integrations are mixed, and skipped syncs added, as in the rehearsal's traffic. Tokens, breakers,
jobs, endpoints, schema and ledger are taken to be in order: they are censuses and answers,
without chance, and can only make a verdict worse. Some of the windows are also written to a
PostgreSQL as rows, measured by the surveys and compared with the simulated cube: they are equal
to the last count.

The sample by which a test knows that this page is of this rule:
"""
