#!/bin/bash
# Asks the endpoint again and again until the file STOP is there; for each time without an answer: a line with the kind, the
# milliseconds between two answers, and how many requests got none.
now() { echo $((${EPOCHREALTIME/./} / 1000)); }
last=$(now) missed=0
echo 'begin 0 0'
until [ -e "$1" ]; do
	if curl -fsS -o /dev/null --max-time 5 -H "Authorization: Bearer $KEY" http://127.0.0.1:8470/v1/health 2>/dev/null; then
		at=$(now)
		[ $missed = 0 ] && kind=slow || kind=refused
		if [ $missed != 0 ] || [ $((at - last)) -gt 200 ]; then echo "$kind $((at - last)) $missed"; fi
		last=$at missed=0
	else
		missed=$((missed + 1))
	fi
	sleep 0.02
done
