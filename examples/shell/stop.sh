#!/bin/sh
# stop.sh NAME: ask a program to end, and wait for it; by force after 30 seconds. None is fine too.
set -eu
name=$1
[ -f "$name.pid" ] || exit 0
pid=$(cat "$name.pid")

# A program that has ended and that nobody has asked about yet is a zombie: gone all the same.
lives() {
    kill -0 "$pid" 2>/dev/null && ! grep -q ') Z ' "/proc/$pid/stat" 2>/dev/null
}

tries=0
while lives; do
    case $tries in
        0) kill "$pid" ;;
        150) kill -9 "$pid" ;;
        200) echo "$name ($pid) does not end"; exit 1 ;;
    esac
    tries=$((tries + 1))
    sleep 0.2
done
rm -f "$name.pid"
