#!/bin/bash
# A request in flight: half of it is sent, FILE GO.half appears, and the rest follows when GO appears.  flight.sh BODY GO
exec 3<> /dev/tcp/127.0.0.1/8470
length=$(stat -c %s "$1")
printf 'POST /v1/opinions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nIdempotency-Key: test-flight\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' "$KEY" "$length" >&3
head -c 100 "$1" >&3
: > "$2.half"
until [ -e "$2" ]; do sleep 0.02; done
tail -c +101 "$1" >&3
cat <&3
