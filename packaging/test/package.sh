#!/bin/bash
# The life of the package on a box with a real systemd: packaging/test/package.sh OLD.deb NEW.deb SANDBOX.deb
# Installed from a signed repository, set up from answers, an opinion delivered, watched, upgraded under load, kept from an older
# version, removed, installed again, purged both ways. Needs root, namespaces and a cgroup2; DOCUMENTS (1000) says how many wait
# during the upgrade. Everything lies under target/package-test and goes at the end; KEEP=yes leaves the folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C.UTF-8

old=$(realpath "$1") new=$(realpath "$2") sandbox_deb=$(realpath "$3")
place=$(realpath "${CARGO_TARGET_DIR:-target}")/package-test
base=$place/base
documents=${DOCUMENTS:-1000}
[ "$(id -u)" = 0 ] || { echo 'test-package: needs root (systemd-nspawn)' >&2; exit 77; }

packaging/test/base.sh "$base"
work=$(mktemp -d "$place/run.XXXXXX")
. packaging/test/box.sh
finish() {
	local status=$?
	set +e
	[ -z "${card:-}" ] || kill "$card" 2> /dev/null
	box_down; hub_down
	[ "${KEEP:-}" = yes ] || rm -rf "$work"
	[ $status = 0 ] || echo "test-package: FAILED" >&2
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir -p "$work/unpacked" "$work/debs"
dpkg-deb -x "$sandbox_deb" "$work/unpacked"
sandbox=$work/unpacked/usr/bin/engawa-sandbox
old_version=$(dpkg-deb -f "$old" Version) new_version=$(dpkg-deb -f "$new" Version)
begun=$(milliseconds)

step 'a box, and a repository signed with a key of this run'
export GNUPGHOME=$work/gnupg
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'engawa test <test@engawa.example>' ed25519 sign never 2>/dev/null
ENGAWA_SIGNING_KEY=$(gpg --batch --quiet --list-keys --with-colons 2>/dev/null | sed -n 's/^fpr:*\([0-9A-F]*\):*$/\1/p' | head -n 1)
export ENGAWA_SIGNING_KEY
( cd "$work/debs" && apt-get download -q -o APT::Sandbox::User=root pcscd libccid libpcsclite1 libusb-1.0-0 vsmartcard-vpcd libqrencode4 \
	avahi-daemon avahi-utils libavahi-common3 libavahi-common-data libavahi-core7 libavahi-client3 libdaemon0 libgdbm6 \
	softhsm2 softhsm2-common libsofthsm2 libsqlite3-0 ucf sensible-utils >/dev/null )
packaging/repo/make.sh "$work/made" "$work"/debs/*.deb "$old" 2>/dev/null
box_up
seen "booted: $(box systemctl --version | head -n 1), Debian $(cat "$work/root/etc/debian_version")"
cp "$work/made/engawa.asc" "$work/root/etc/apt/keyrings/engawa.asc"
sed 's#^URIs:.*#URIs: file:/srv/repository#' packaging/repo/engawa.sources > "$work/root/etc/apt/sources.list.d/engawa.sources"
publish() { rm -rf "$work/repository"/*; cp -r "$1"/. "$work/repository/"; }
install_engawa() { box apt-get install -qy "$@" > "$work/apt.log" 2>&1 < /dev/null; }
refused() { # what
	! { box apt-get update -q && box apt-get install -qy engawa; } > "$work/refused.log" 2>&1 < /dev/null || fail "installed from $1"
	[ ! -e "$work/root/usr/bin/engawa" ] || fail "installed from $1"
	seen "$1: refused ($(grep -m 1 -E '^(E|Err|W):' "$work/refused.log" | cut -c1-110))"
	rm -rf "$work/root/var/lib/apt/lists"/*
}

step 'a repository that was tampered with'
publish "$work/made"
victim=$(ls "$work/repository/pool/"engawa_*.deb)
printf X | dd of="$victim" bs=1 seek=4096 conv=notrunc status=none
refused 'a package that was changed'
publish "$work/made"
sed -i 's/^Description: .*/Description: another/' "$work/repository/dists/stable/main/binary-amd64/Packages"
rm "$work/repository/dists/stable/main/binary-amd64/Packages.gz"
refused 'an index that was changed'
publish "$work/made"
sed -i 's/^Suite: stable/Suite: stable /' "$work/repository/dists/stable/InRelease"
sed -i 's/^Origin: engawa/Origin: other/' "$work/repository/dists/stable/InRelease"
rm "$work/repository/dists/stable/Release"
refused 'a release that was changed'
publish "$work/made"
GNUPGHOME=$work/foreign; mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'foreign' ed25519 sign never 2>/dev/null
gpg --batch --yes --quiet --clearsign --output "$work/repository/dists/stable/InRelease" "$work/repository/dists/stable/Release"
refused 'a release signed by somebody else'
GNUPGHOME=$work/gnupg
publish "$work/made"
rm "$work/repository/dists/stable/InRelease"
refused 'a release without a signature'

step 'install: two commands, no question, no network'
publish "$work/made"
lap_from
box apt-get update -qq
lap 'apt-get update (the repository is a folder of the box: nothing is downloaded)'
install_engawa engawa
lap "apt-get install engawa: $(grep -c '^Setting up' "$work/apt.log") packages"
seen "installed: $(grep '^Setting up' "$work/apt.log" | awk '{ printf "%s ", $3 }')"
grep -q 'settings are missing or wrong' "$work/apt.log" || fail 'the installer is not told what to do'
seen 'says that settings are missing, and where they go'
[ "$(box systemctl is-enabled engawa.service engawa-check.timer engawa.socket | tr '\n' ' ')" = 'enabled enabled disabled ' ] || fail 'units'
is inactive state_of ActiveState || fail 'started without settings'
is active state_of ActiveState engawa-check.timer || fail 'no timer'
seen 'service enabled, not started; daily check waits'
[ -z "$(box dpkg --verify engawa)" ] || fail 'dpkg --verify'
[ "$(box getent passwd engawa | cut -d: -f6,7)" = /var/lib/engawa:/usr/sbin/nologin ] || fail 'user'
# Wrong settings are not tried again and again.
box systemctl start engawa 2>/dev/null || true
[ "$(state_of ActiveState)/$(state_of ExecMainStatus)/$(state_of NRestarts)" = failed/78/0 ] || fail 'exit 78 is not the end'
seen 'started without settings: exit 78, not restarted'

step 'set up from answers; starts with no network, no hub, no reader'
hub_up
root=$work/root
encrypt() { box systemd-creds encrypt --name="$1" - "/etc/credstore.encrypted/engawa.$1"; }
install -d -m 700 "$root/root/setup"
cp "$work/hub/pki/ca.pem" "$root/root/setup/hub-ca.pem"
cp "$work/hub/facilities/clinic/client.p12" "$root/root/setup/certificate.p12"
cp "$work/hub/facilities/clinic/client.p12.pass" "$root/root/setup/certificate.pass"
cp "$work/hub/accounts/clinic-doctor.password" "$root/root/setup/hub.password"
cat > "$root/root/setup/office.toml" <<-END
	[facility]
	number = "9910000011"
	name = "架空内科クリニック"
	kind = "iryo"
	[state]
	min_free = "16 MiB"
	[hub]
	url = "https://hub.engawa.example:8443"
	ca_file = "hub-ca.pem"
	certificate_file = "certificate.p12"
	certificate_passphrase_file = "certificate.pass"
	user_id = "clinic-doctor"
	password_file = "hub.password"
	poll_changes_s = 10
	login_window_s = 1
	[outbox]
	backoff_min_s = 1
	backoff_max_s = 1
	[lan]
	listen = ["0.0.0.0:8471"]
	[administrator]
	user = "admin"
	name = "管理者"
	[terminal]
	name = "受付1"
	kind = "browser"
	rights = ["submit", "read", "manage"]
END
lap_from
status=0
box engawa setup --answers /root/setup/office.toml --sheet /root/setup/handover.html --json > "$work/setup.json" 2> "$work/setup.log" || status=$?
lap 'engawa setup --answers; of it:'
# All of it is done; the check at its end may say that there is no line yet (1).
[ "$status" -le 1 ] && jq -e '([.steps[].step] | contains(["files", "service", "administrator", "pairing", "check", "sheet"])) and
	all(.steps[]; .step == "check" or .state != "failed")' "$work/setup.json" > /dev/null || fail "setup: $status $(cat "$work/setup.json" "$work/setup.log")"
laps+=$'\n'$(jq -r '.steps[] | "               \(.ms) ms  \(.step): \(.state)"' "$work/setup.json")
is active state_of ActiveState || fail 'not started'
grep -q '<svg' "$root/root/setup/handover.html" || fail 'no handover sheet'
! grep -qF "$(jq -r .administrator.one_time_password "$work/setup.json")" "$root/root/setup/handover.html" || fail 'a secret on the sheet'
seen "set up and started, secrets encrypted by systemd-creds; the check says $(jq -r '.check.code // .check.digits' "$work/setup.json") without a line, and there is a handover sheet"
rm -r "$root/root/setup"
! grep -rqF "$(cat "$work/hub/accounts/clinic-doctor.password")" "$root/etc" || fail 'the password lies on the disk in clear'
lap_from
key=$(box engawa key add 'カルテソフト' --json | jq -r .key)
lap 'a key for the office'"'"'s software'
[ "$(box stat -c '%a %U' /var/lib/engawa)" = '700 engawa' ] || fail 'state directory'

# An opinion of our own for each number, so that none is like another.
mkdir -p "$work/opinions"
opinion() { jq -c --arg n "$1" '{opinion: (.course_and_treatment = "試験用の架空の文章 \($n)")}' tests/fixtures/opinion/stroke.json > "$work/opinions/$1.json"; }
cat > "$work/post.sh" <<-'END'
	#!/bin/bash
	# post.sh NUMBER: prints the id. The same again after no answer, as a sender has to.
	for try in 1 2 3 4 5 6; do
		id=$(curl -sS --max-time 30 http://127.0.0.1:8470/v1/opinions -H "Authorization: Bearer $KEY" -H "Idempotency-Key: test-$1" \
			-H 'Content-Type: application/json' --data-binary "@$OPINIONS/$1.json" 2>/dev/null | jq -er .id) && { echo "$id"; exit 0; }
		sleep 0.5
	done
	exit 1
END
chmod +x "$work/post.sh"
export KEY=$key OPINIONS=$work/opinions
get() { on_lan curl -sS --max-time 10 "http://127.0.0.1:8470$1" -H "Authorization: Bearer $KEY"; }
healthy() { get /v1/health | jq -e .status; }
another_pid_than() { local now; now=$(state_of MainPID); [ "$now" != 0 ] && [ "$now" != "$1" ] && is active state_of ActiveState; }
delivered() { [ "$(get "/v1/opinions/$1" | jq -r .state)" = delivered ]; }
reader_ready() { counter GET /v1/readers | jq -e '.items | any(.state == "ok")'; }
card_lies() { counter GET "/v1/card-sessions/$1" | jq -e .card; }
score_of() { # UNIT MOST: 10 is worst
	local score
	score=$(box systemd-analyze security --no-pager "$1" | sed -n "s/.*level for $1: \\([0-9.]*\\).*/\\1/p")
	awk -v s="${score:-10}" -v most="$2" 'BEGIN { exit !(s <= most) }' || fail "systemd-analyze security $1: $score"
	seen "systemd-analyze security $1: $score"
}
opinion 0
lap_from
first=$(on_lan "$work/post.sh" 0) || fail 'an opinion is not accepted without a line'
lap 'the first opinion accepted, on the disk'
waits_for_the_line() { [ "$(get "/v1/opinions/$first" | jq -r .state)" = queued ]; }
until_true 10 'it waits for the line' waits_for_the_line
seen 'an opinion is accepted (202) while there is no network'
lap_from
line_up
until_true 30 'the first opinion is delivered' delivered "$first"
lap 'the line plugged in, the first opinion at the hub, its receipt here'
seen "the line is there: delivered, receipt $(get "/v1/opinions/$first" | jq -r .receipt.number)"
seen "from the bare box to the first opinion at the hub:$laps
     $(printf '%7d' "$lap_sum") ms  in all"
[ "$lap_sum" -le 600000 ] || fail 'longer than ten minutes'
box systemctl start engawa-check || fail "engawa check: $(box journalctl -u engawa-check -o cat --no-pager | grep FAIL)"
seen 'engawa-check.service: nothing to put right'

step 'a person at the counter, through the installed service'
install_engawa vsmartcard-vpcd || fail "$(cat "$work/apt.log")"
box systemctl restart pcscd
desk=$(box engawa key add '受付1' --rights card --json | jq -r .key)
counter() { on_lan curl -sS --max-time 60 -X "$1" "http://127.0.0.1:8470$2" -H "Authorization: Bearer $desk" -H 'Content-Type: application/json' ${3:+-d "$3"}; }
# A process of its own and no shell around it: it is ended by its number, and must not keep the hub's standard input open.
nsenter -t "$init" -n -- "$sandbox" card --dir "$work/hub" --holder 1 --port 35963 --until-stdin-ends < "$work/hub.in" > "$work/card.log" 2>&1 9>&- &
card=$!
until_true 30 'the reader is seen' reader_ready
session=$(counter POST /v1/card-sessions '{"purpose":"identify","wait_s":30}' | jq -r .id)
until_true 30 'the card is seen' card_lies "$session"
assurance=$(counter POST "/v1/card-sessions/$session/identify" '{"method":"pin","pin":"1234"}' | tee "$work/identify.json" | jq -r .person.assurance)
[ "$assurance" = high ] || fail "identification: $(jq -c 'del(.person)' "$work/identify.json")"
counter DELETE "/v1/card-sessions/$session"
kill "$card"
wait "$card" 2> /dev/null || true
seen 'reader found while running, card and PIN: the person is known to the hub (assurance high)'

. packaging/test/steps/lan.sh
. packaging/test/steps/facility.sh
. packaging/test/steps/clock.sh
. packaging/test/steps/backup.sh

step 'hardening, seen from inside'
score_of engawa.service 1.2
score_of engawa-check.service 1.2
cp packaging/test/probe.sh "$root/usr/local/bin/engawa-probe"
sed -e 's#^Type=.*#Type=oneshot#' -e 's#^ExecStart=.*#ExecStart=/usr/local/bin/engawa-probe#' -e '/^Watchdog/d' -e '/^Restart/d' \
	-e '/^ExecReload/d' -e '/^LoadCredential/d' systemd/engawa.service > "$work/engawa-probe.service"
box sh -c 'mkdir -p /run/systemd/system; cat > /run/systemd/system/engawa-probe.service' < "$work/engawa-probe.service"
box systemctl daemon-reload
box systemctl start engawa-probe.service 2> /dev/null || true
box journalctl -q -u engawa-probe.service -o cat --no-pager | grep -E '^(holds|refused|BROKEN|POSSIBLE)' | sed 's/^/     /' | tee "$work/probe.log"
grep -qE '^ +(BROKEN|POSSIBLE)' "$work/probe.log" && fail 'the sandbox has a hole'
[ "$(grep -c . "$work/probe.log")" -ge 20 ] || fail 'the probe did not run to its end'
pid=$(state_of MainPID)
[ "$(box grep -E '^(CapEff|NoNewPrivs|Seccomp):' "/proc/$pid/status" | awk '{ print $2 }' | tr '\n' ' ')" = '0000000000000000 1 2 ' ] || fail 'the running service'
! box nsenter -t "$pid" -m touch /usr/engawa-probe 2>/dev/null || fail '/usr is writable for the service'
seen 'and of the running service: no capabilities, seccomp, no new privileges, read-only root'

step 'footprint'
memory=$(box grep VmRSS "/proc/$pid/status" | awk '{ print $2 }')
switches() { box sh -c "cat /proc/$pid/task/*/status" | awk '/^voluntary_ctxt/ { n += $2 } END { print n }'; }
before=$(switches); sleep 20; after=$(switches)
seen "package $(($(stat -c %s "$old") / 1024)) KiB, program $(($(stat -c %s "$root/usr/bin/engawa") / 1024)) KiB, resident $memory KiB"
seen "idle: $(((after - before) * 10 / 20)) wake-ups in 10 s, all threads"
[ "$(stat -c %s "$old")" -le $((6 << 20)) ] || fail 'the package is larger than 6 MiB'
[ "$(stat -c %s "$root/usr/bin/engawa")" -le 12000000 ] || fail 'the program is larger than 12 MB'
[ "$memory" -le $((30 << 10)) ] || fail 'more than 30 MiB resident'

step 'killed, and hung'
restarts=$(state_of NRestarts)
box sh -c "kill -9 $pid"
until_true 40 'started again after kill -9' another_pid_than "$pid"
pid=$(state_of MainPID)
seen "kill -9: started again by systemd ($(state_of NRestarts) restarts)"
until_true 20 'it answers' healthy
box sh -c "kill -STOP $pid"
stopped=$(milliseconds)
until_true 60 'the watchdog has seen it' another_pid_than "$pid"
box journalctl -q -u engawa --no-pager -o cat | grep -q 'Watchdog timeout' || fail 'not by the watchdog'
seen "hung (SIGSTOP): killed by the watchdog, and running again after $((($(milliseconds) - stopped) / 1000)) s"
until_true 20 'it answers' healthy
delivered "$first" || fail 'forgot what it had delivered'
pid=$(state_of MainPID)
# A handshake that fails is told to those who want details.
details() { handshake -tls1_2 > "$work/handshake.log" || true; box journalctl -q -u engawa -o cat --no-pager -n 50 > "$work/journal.log"; grep -q 'no handshake with a peer' "$work/journal.log"; }
printf '[log]\nlevel = "debug"\n' > "$root/etc/engawa/conf.d/30-log.toml"
! details || fail 'details without being asked'
box systemctl reload engawa
until_true 10 'the log tells more' details
printf '[log]\nlevel = 5\n' > "$root/etc/engawa/conf.d/30-log.toml"
box systemctl reload engawa || true
refused_reload() { box journalctl -q -u engawa -o cat --no-pager -n 20 > "$work/journal.log"; grep -q 'reload refused' "$work/journal.log"; }
until_true 10 'the mistake is named' refused_reload
rm "$root/etc/engawa/conf.d/30-log.toml"
box systemctl reload engawa
is "$pid" state_of MainPID && healthy > /dev/null || fail 'reload'
seen 'systemctl reload: another log level at once; a mistake is refused and leaves the settings in force'

step "upgrade $old_version → $new_version with $documents documents waiting and a request in flight"
before=$(fact .totals.effects)
order down > /dev/null
for n in $(seq "$documents"); do opinion "$n"; done
started=$(milliseconds)
seq "$documents" | on_lan xargs -P 8 -n 1 "$work/post.sh" > "$work/ids" || fail 'not all were accepted'
[ "$(sort -u "$work/ids" | wc -l)" = "$documents" ] || fail 'ids'
seen "$documents accepted in $(($(milliseconds) - started)) ms, the hub down"
packaging/repo/make.sh "$work/made" "$new" 2>/dev/null
publish "$work/made"
box apt-get update -qq
pid=$(state_of MainPID)
opinion flight
# Half of a request, which is still open when the service is told to stop; the rest comes once it is stopping.
on_lan bash packaging/test/flight.sh "$work/opinions/flight.json" "$work/go" > "$work/flight.log" 2>&1 &
flight=$!
until_true 10 'the request is on its way' test -e "$work/go.half"
on_lan bash packaging/test/pulse.sh "$work/pulse.stop" > "$work/pulse.log" &
pulse=$!
until_true 10 'the endpoint is watched' test -s "$work/pulse.log"
( until [ "$(state_of ActiveState)" = deactivating ]; do :; done; : > "$work/go" ) &
started=$(milliseconds)
install_engawa engawa || fail "upgrade: $(cat "$work/apt.log")"
upgraded=$(($(milliseconds) - started))
until_true 20 'it answers' healthy
: > "$work/pulse.stop"; wait $pulse; wait $flight || true
another_pid_than "$pid" || fail 'not restarted'
is "$new_version" box dpkg-query -W -f '${Version}' engawa || fail 'version'
grep -q ' 202 ' "$work/flight.log" || fail "the request in flight: $(cat "$work/flight.log")"
flight_id=$(sed -n 's/.*"id":"\([^"]*\)".*/\1/p' "$work/flight.log")
seen "the request in flight got its 202"
outage=$(cat "$work/pulse.log" | awk '{ if ($2 > longest) longest = $2 } END { print longest }')
seen "apt-get install: $upgraded ms; longest time without an answer: $outage ms"
[ "$outage" -le 2000 ] || fail 'longer than 2 s without an answer'
order up > /dev/null
started=$(milliseconds)
waiting() { box engawa queue list --json --limit 100000 | jq '[.items[] | select(.state != "delivered")] | length'; }
filed() { [ "$(fact .totals.effects)" -ge $((before + documents + 1)) ]; }
until_true 300 'all is delivered' filed
until_true 30 'and known to be' is 0 waiting
box engawa queue list --json --limit 100000 --state delivered | jq -r '.items[].id' | sort > "$work/delivered"
lost=$({ cat "$work/ids"; echo "$flight_id"; } | sort | comm -23 - "$work/delivered" | wc -l)
[ "$lost" = 0 ] || fail "$lost lost"
[ "$(fact .totals.effects)" = $((before + documents + 1)) ] || fail "filed: $(fact .totals.effects)"
[ "$(fact .totals.filed_twice)/$(fact .totals.documents_under_two_keys)" = 0/0 ] || fail 'filed twice'
seen "$((documents + 1)) opinions more at the hub, $lost lost, $(fact .totals.filed_twice) twice ($(($(milliseconds) - started)) ms after the hub came back)"

step 'downgrade'
pid=$(state_of MainPID)
! install_engawa --allow-downgrades "engawa=$old_version" || fail 'an older version was taken without a word'
grep -q 'an older version is refused; nothing was changed' "$work/apt.log" || fail "not said: $(cat "$work/apt.log")"
is "$new_version" box dpkg-query -W -f '${Version}' engawa || fail 'version'
is "$pid" state_of MainPID || fail 'the service was touched'
[ -z "$(box dpkg --audit)" ] || fail 'dpkg --audit'
seen 'refused, said plainly; the service was not touched'
box env ENGAWA_DOWNGRADE=yes apt-get install -qy --allow-downgrades "engawa=$old_version" > "$work/apt.log" 2>&1 < /dev/null || fail 'downgrade on demand'
until_true 20 'it answers' healthy
delivered "$first" || fail 'forgot'
install_engawa engawa
until_true 20 'it answers' healthy
seen 'on demand (ENGAWA_DOWNGRADE=yes) done, and up again: nothing forgotten'

box systemctl stop engawa
box env ENGAWA_DOWNGRADE=yes apt-get install -qy --allow-downgrades "engawa=$old_version" > "$work/apt.log" 2>&1 < /dev/null
is inactive state_of ActiveState || fail 'started what the administrator had stopped'
install_engawa engawa
is inactive state_of ActiveState || fail 'started what the administrator had stopped'
box systemctl start engawa
seen 'stopped by the administrator: stays stopped over an upgrade'

step 'sockets held by systemd'
box systemctl enable -q engawa.socket
box systemctl stop engawa
box systemctl start engawa.socket engawa
on_lan bash packaging/test/pulse.sh "$work/pulse2.stop" > "$work/pulse2.log" &
pulse=$!
until_true 10 'the endpoint is watched' test -s "$work/pulse2.log"
box systemctl restart engawa
until_true 20 'it answers' healthy
: > "$work/pulse2.stop"; wait $pulse
speaks || fail 'the LAN is not served beside engawa.socket'
is 0 awk '$1 == "refused" { n += $3 } END { print n + 0 }' "$work/pulse2.log" || fail "a restart refused requests: $(cat "$work/pulse2.log")"
seen "restart: no request refused, the longest waited $(awk '$2 > l { l = $2 } END { print l + 0 }' "$work/pulse2.log") ms"
box systemctl stop engawa
box engawa check --offline --json > "$work/stopped.json" || true
jq -e '.checks[] | select(.name == "service") | .finding == 210 and (.detail_en | contains("stopped"))' "$work/stopped.json" > /dev/null ||
	fail "check of a stopped unit: $(cat "$work/stopped.json")"
is inactive state_of ActiveState || fail 'a check started what the administrator had stopped'
box systemctl start engawa
seen 'stopped beside its socket: a check says so and starts nothing'
box systemctl disable -q --now engawa.socket

. packaging/test/steps/token.sh

step 'remove, and install again'
box apt-get remove -qy engawa > "$work/apt.log" 2>&1 < /dev/null
[ ! -e "$root/usr/bin/engawa" ] && [ -e "$root/etc/engawa/engawa.toml" ] && [ -e "$root/var/lib/engawa/engawa.db" ] || fail 'remove'
! get /v1/health >/dev/null 2>&1 || fail 'still answers'
seen 'removed: stopped, settings and state are there'
install_engawa engawa
until_true 20 'it answers' healthy
delivered "$first" || fail 'forgot'
seen 'installed again: runs, same key, nothing forgotten'

step 'purge, and install again'
box apt-get purge -qy engawa > "$work/apt.log" 2>&1 < /dev/null
grep -q '/var/lib/engawa' "$work/apt.log" || fail "does not say what was kept: $(cat "$work/apt.log")"
[ ! -e "$root/etc/engawa/engawa.toml" ] && [ ! -e "$root/etc/engawa/conf.d" ] && [ ! -e "$root/etc/engawa/facilities.d" ] || fail 'settings were left'
[ -e "$root/var/lib/engawa/master.key" ] && [ -e "$root/etc/engawa/certificate.p12" ] || fail 'keys were removed'
sed -n 's/^ *\(engawa:.*\|    \/.*\|  消す.*\)$/     \1/p' "$work/apt.log"
seen 'purge: settings gone; documents, keys and certificate kept, and it says where'
install_engawa engawa
is inactive state_of ActiveState || fail 'started without settings'
box env ENGAWA_PURGE_STATE=yes apt-get purge -qy engawa > "$work/apt.log" 2>&1 < /dev/null
left=$(box sh -c 'ls -d /var/lib/engawa /etc/engawa /run/engawa /etc/credstore*/engawa.* /etc/systemd/system/engawa* /etc/systemd/system/*/engawa* /usr/bin/engawa /usr/share/doc/engawa 2>/dev/null' || true)
[ -z "$left" ] || fail "left behind: $left"
[ -z "$(box systemctl list-unit-files --no-legend 'engawa*' | grep -v probe)" ] || fail 'units were left'
seen 'ENGAWA_PURGE_STATE=yes: nothing is left but the user'

printf '\ntest-package: all seen, %s s\n' $((($(milliseconds) - begun) / 1000))
