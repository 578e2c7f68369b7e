# The example units of the nightly backup, once by hand, and what it made opened on an empty state directory.

step 'the nightly backup'
box install -d -o engawa -g engawa -m 700 /mnt/backup
box engawa backup init > "$work/sheet" 2> /dev/null || fail 'no recovery key'
box cp /usr/share/doc/engawa/examples/engawa-backup.service /usr/share/doc/engawa/examples/engawa-backup.timer /etc/systemd/system/
box systemctl daemon-reload
box systemctl enable -q --now engawa-backup.timer
is active state_of ActiveState engawa-backup.timer || fail 'no timer'
started=$(milliseconds)
box systemctl start engawa-backup.service || fail "backup: $(box journalctl -q -u engawa-backup -o cat --no-pager | tail -n 5)"
made=$(ls "$root/mnt/backup/"*.age)
[ "$(head -c 21 "$made")" = age-encryption.org/v1 ] || fail 'not encrypted'
seen "engawa-backup.service: $(($(stat -c %s "$made") / 1024)) KiB in $(($(milliseconds) - started)) ms, encrypted; the timer waits for $(state_of NextElapseUSecRealtime engawa-backup.timer)"
box install -d -o engawa -g engawa -m 700 /srv/restored
box runuser -u engawa -- engawa restore "/mnt/backup/$(basename "$made")" --recovery-key-file - --state /srv/restored < "$work/sheet" > "$work/restore.log" 2>&1 ||
	fail "restore: $(cat "$work/restore.log")"
[ -s "$root/srv/restored/engawa.db" ] && [ -s "$root/srv/restored/master.key" ] || fail 'restored nothing'
seen 'engawa restore with the recovery key: a whole state directory'
rm -rf "$root/srv/restored"
score_of engawa-backup.service 1.2
box systemctl disable -q --now engawa-backup.timer
rm "$root/etc/systemd/system/"engawa-backup.*
box systemctl daemon-reload
