# The master keys wrapped by a token: SoftHSM2, under the unit's sandbox.

step 'master keys wrapped by a PKCS#11 token'
install_engawa softhsm2 || fail "$(cat "$work/apt.log")"
box usermod -aG softhsm engawa
as_engawa() { box runuser -u engawa -- "$@"; }
as_engawa softhsm2-util --init-token --free --label engawa --pin 123456 --so-pin 12345678 > "$work/token.log" 2>&1 || fail "token: $(cat "$work/token.log")"
printf 123456 > "$root/etc/engawa/secrets/token-pin"
box chown engawa /etc/engawa/secrets/token-pin
box chmod 600 /etc/engawa/secrets/token-pin
module=$(box dpkg -L libsofthsm2 | grep -m 1 '/libsofthsm2.so$')
cat > "$root/etc/engawa/conf.d/40-token.toml" <<-END
	[state]
	master_key_token = "pkcs11:token=engawa;object=engawa-master?module-path=$module"
	master_key_pin_file = "/etc/engawa/secrets/token-pin"
END
for unit in engawa engawa-check; do
	printf '[Service]\nReadWritePaths=/var/lib/softhsm/tokens\n' > "$root/etc/systemd/system/$unit.service.d/token.conf"
done
box systemctl daemon-reload
box systemctl stop engawa
as_engawa engawa master-key init-token > "$work/token.log" 2>&1 || fail "init-token: $(cat "$work/token.log")"
box systemctl start engawa || fail 'does not start with the token'
until_true 20 'it answers' healthy
delivered "$first" || fail 'forgot'
seen 'init-token, then a start under the sandbox, with a drop-in for the token'"'"'s folder: everything opens'
mv "$root/var/lib/softhsm/tokens" "$root/var/lib/softhsm/elsewhere"
mkdir "$root/var/lib/softhsm/tokens"
box systemctl restart engawa 2> /dev/null || true
! is active state_of ActiveState || fail 'starts without the token'
box journalctl -q -u engawa -o cat --no-pager -n 30 > "$work/journal.log"
grep -q 'token that opens the master keys is not there' "$work/journal.log" || fail 'does not say what is missing'
rmdir "$root/var/lib/softhsm/tokens"
mv "$root/var/lib/softhsm/elsewhere" "$root/var/lib/softhsm/tokens"
until_true 30 'it starts by itself when the token is back' healthy
delivered "$first" || fail 'forgot'
seen "without the token it does not start, and says so; once the token was back it started by itself"
