#!/bin/sh
# repository.sh [DIRECTORY]: make the shop's git repository, by default in app/ beside this file.
# Two commits: the version before the release (before/), and the release (after/ laid over it). The
# first is checked out. Fixed names and dates give the same two hashes everywhere.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
app=${1:-"$here/app"}
[ ! -e "$app" ] || { echo "$app is there already" >&2; exit 1; }
mkdir -p "$app"
cd "$app"

unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Shop GIT_AUTHOR_EMAIL=shop@example.com
export GIT_COMMITTER_NAME=Shop GIT_COMMITTER_EMAIL=shop@example.com
export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z

commit() {
    git add --all
    git commit --quiet --message "$1"
    git tag "$2"
}

git init --quiet --template=
cp -R "$here/before/." .
commit "Orders and payments" v1
cp -R "$here/after/." .
commit "Retries, settlements and channels" v2
git checkout --quiet --detach v1
git rev-parse v1 v2
