#!/bin/sh
# Runs a program that must not outlive whoever started this script.
#
#   supervise.sh GRACE_SECONDS PROGRAM [ARGUMENT…]
#
# The starter holds the other end of standard input. When that end closes (the starter said stop, ended, or was
# killed with signal 9), the program gets SIGTERM, and SIGKILL after GRACE_SECONDS. Whatever the program leaves behind
# in its process group gets SIGTERM. The program's process id is written to file descriptor 3; the script ends, after
# the program, with its exit status. The script must be the leader of a process group of its own.
grace=$1
shift
exec 4<&0
"$@" </dev/null 3>&- 4<&- &
program=$!
echo "$program" >&3
exec 3>&-
(
  while read -r _; do :; done
  kill -TERM "$program" 2>/dev/null
  waited=0
  while kill -0 "$program" 2>/dev/null; do
    if [ "$waited" -ge "$((grace * 10))" ]; then kill -KILL "$program"; fi
    sleep 0.1
    waited=$((waited + 1))
  done
) <&4 >/dev/null 2>&1 &
watcher=$!
exec 4<&-
wait "$program"
status=$?
kill -KILL "$watcher" 2>/dev/null
trap '' TERM
kill -TERM 0
exit "$status"
