# A box whose clock was lost (no battery): the service lives in 1970, by libfaketime, as a container cannot set the kernel's clock.

step 'starts with a wrong clock'
cp "$(dpkg -L libfaketime | grep -m 1 '/libfaketimeMT.so.1$')" "$root/usr/lib/libfaketime.so"
box systemctl stop engawa
cat > "$root/etc/systemd/system/engawa.service.d/zz-clock.conf" <<-END
	[Service]
	Environment=LD_PRELOAD=/usr/lib/libfaketime.so "FAKETIME=@1970-01-01 00:07:00" FAKETIME_DONT_FAKE_MONOTONIC=1
END
box systemctl daemon-reload
started=$(milliseconds)
box systemctl start engawa || fail 'does not start in 1970'
seen "active $(($(milliseconds) - started)) ms after systemctl start, in 1970"
until_true 20 'it answers' healthy
opinion clock
early=$(on_lan "$work/post.sh" clock) || fail 'an opinion is not accepted in 1970'
accepted=$(get "/v1/opinions/$early" | jq -r .accepted_at)
[[ $accepted = 1970-* ]] || fail "accepted $accepted, not in 1970: the clock is not what this is about"
box env LD_PRELOAD=/usr/lib/libfaketime.so "FAKETIME=@1970-01-01 00:07:00" engawa check > "$work/clock.log" 2>&1 || true
grep -E '^(FAIL|warn) +clock( |$)' "$work/clock.log" | cut -c1-200 | sed 's/^/     /' | grep . || fail "engawa check does not name the clock: $(cat "$work/clock.log")"
box systemctl stop engawa
rm "$root/etc/systemd/system/engawa.service.d/zz-clock.conf" "$root/usr/lib/libfaketime.so"
box systemctl daemon-reload
box systemctl start engawa
until_true 60 'what was accepted in 1970 is delivered' delivered "$early"
seen 'an opinion is accepted in 1970, engawa check names the clock; delivered once the clock is right'
