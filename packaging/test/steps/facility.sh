# A further facility in facilities.d, its secrets encrypted for this machine and named to both units.

step 'a second facility on the box'
other=9910000029
cp "$work/hub/facilities/other-clinic/client.p12" "$root/etc/engawa/$other.p12"
box chown root:engawa "/etc/engawa/$other.p12"
box chmod 640 "/etc/engawa/$other.p12"
encrypt "hub-password-$other" < "$work/hub/accounts/other-doctor.password" 2> /dev/null
encrypt "passphrase-$other" < "$work/hub/facilities/other-clinic/client.p12.pass" 2> /dev/null
for unit in engawa engawa-check; do
	cat > "$root/etc/systemd/system/$unit.service.d/facility-$other.conf" <<-END
		[Service]
		LoadCredentialEncrypted=hub-password-$other:engawa.hub-password-$other
		LoadCredentialEncrypted=passphrase-$other:engawa.passphrase-$other
	END
done
cat > "$root/etc/engawa/facilities.d/$other.toml" <<-END
	[facility]
	number = "$other"
	[hub]
	certificate_file = "/etc/engawa/$other.p12"
	certificate_passphrase_file = "credential:passphrase-$other"
	user_id = "other-doctor"
	password_file = "credential:hub-password-$other"
END
box systemctl daemon-reload
box systemctl restart engawa
box systemctl start engawa-check || fail "engawa check: $(box journalctl -u engawa-check -o cat --no-pager | tail -n 20)"
other_key=$(box engawa key add '整形外科' --facility "$other" --json | jq -r .key)
opinion other
second=$(KEY=$other_key on_lan "$work/post.sh" other) || fail 'an opinion of the second facility'
second_delivered() { [ "$(KEY=$other_key get "/v1/opinions/$second" | jq -r .state)" = delivered ]; }
until_true 30 'its opinion is delivered' second_delivered
[ "$(get "/v1/opinions/$second" | jq -r .status)" = 404 ] || fail 'one facility sees what is another'"'"'s'
seen 'a file in facilities.d, checked, restarted: its opinion is delivered as its own, and the first facility does not see it'
