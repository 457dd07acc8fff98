#!/bin/sh
# stop.sh NAME: ask a program and all that it started to end, and wait for them; by force after 30
# seconds. None is fine too. start.sh gave the program a process group of its own, of the same number.
set -eu
name=$1
[ -f "$name.pid" ] || exit 0
group=$(cat "$name.pid")

# A process that has ended and that nobody has asked about yet is a zombie: gone all the same.
lives() {
    ps -A -o pgid= -o stat= | grep -q "^ *$group  *[^Z]"
}

tries=0
while lives; do
    case $tries in
        0) kill -s TERM -- "-$group" ;;
        150) kill -s KILL -- "-$group" ;;
        200) echo "$name ($group) does not end"; exit 1 ;;
    esac
    tries=$((tries + 1))
    sleep 0.2
done
rm -f "$name.pid"
