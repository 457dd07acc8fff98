#!/bin/sh
# start.sh NAME PROGRAM [ARGUMENT…]: start a program in the background, and return. Once only.
# Its output goes to NAME.log, its pid to NAME.pid. It gets a session of its own, so that nothing
# that happens to whoever deploys reaches it.
set -eu
name=$1
shift
if [ -f "$name.pid" ] && kill -0 "$(cat "$name.pid")" 2>/dev/null; then
    echo "$name runs already"
    exit 0
fi
setsid "$@" >>"$name.log" 2>&1 </dev/null &
echo $! >"$name.pid"
