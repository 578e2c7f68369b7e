# The LAN under the unit's sandbox, as a terminal of the office sees it: from another network namespace, by openssl and curl.

step 'the LAN: TLS 1.3, pairing, an opinion by the terminal'"'"'s certificate, revocation'
lan_url=https://$box_address:8471
at_terminal() { ip netns exec "$hub_net" "$@"; }
lan() { at_terminal curl -sS --max-time 20 --cacert "$work/lan-ca.pem" "$@"; }
lan_status() { lan -o /dev/null -w '%{http_code}' "$@"; }
handshake() { at_terminal openssl s_client -connect "$box_address:8471" -CAfile "$work/lan-ca.pem" -verify_ip "$box_address" -verify_return_error "$@" < /dev/null 2>&1; }
speaks() { handshake -tls1_3 | grep -q 'Verify return code: 0'; }
box engawa lan ca > "$work/lan-ca.pem" 2> /dev/null
until_true 20 'the LAN'"'"'s certificate names the address' speaks
seen "$(handshake -tls1_3 | sed -n 's/^New, //p'); the certificate names an address that came after the start"
! handshake -tls1_2 | grep -q 'Verify return code: 0' || fail 'TLS 1.2 is taken'
seen 'TLS 1.2: refused'
is 401 lan_status "$lan_url/v1/submissions" || fail 'a stranger is let in'
[ "$(lan "$lan_url/v1/health" | jq -c 'keys')" = '["status"]' ] || fail "a stranger is told: $(lan "$lan_url/v1/health")"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/terminal.key" -subj /CN=terminal -out "$work/terminal.csr" 2> /dev/null
code=$(box engawa terminal pair '受付2' --rights submit,read --json | jq -r .code)
jq -n --arg code "$code" --rawfile csr "$work/terminal.csr" '{code: $code, csr: $csr}' > "$work/pair.json"
lan "$lan_url/v1/pair" -H 'Content-Type: application/json' --data-binary "@$work/pair.json" > "$work/paired.json"
jq -er .certificate "$work/paired.json" > "$work/terminal.pem" || fail "pairing: $(cat "$work/paired.json")"
opinion terminal
by_terminal() { lan --cert "$work/terminal.pem" --key "$work/terminal.key" "$@"; }
sent=$(by_terminal "$lan_url/v1/opinions" -H 'Idempotency-Key: test-terminal' -H 'Content-Type: application/json' \
	--data-binary "@$work/opinions/terminal.json" | jq -er .id) || fail 'an opinion from the LAN'
until_true 30 'the opinion of the terminal is delivered' delivered "$sent"
seen 'a stranger learns the state alone; paired by code and certificate request, an opinion sent by the certificate is delivered'
box engawa terminal revoke "$(jq -r .id "$work/paired.json")" > /dev/null
# 401, or an alert of TLS (curl ends with 35 or 56), while others are still spoken to.
shut() {
	local status ended=0
	status=$(by_terminal -o /dev/null -w '%{http_code}' "$lan_url/v1/submissions" 2> /dev/null) || ended=$?
	[ "$status" = 401 ] || [ $ended = 35 ] || [ $ended = 56 ] || return 1
	speaks
}
until_true 6 'the terminal is shut out, and the LAN is served' shut
seen 'revoked on the box: shut out, while the LAN is served'

step 'found on the LAN: avahi with the example file'

install_engawa avahi-daemon avahi-utils || fail "$(cat "$work/apt.log")"
box cp /usr/share/doc/engawa/examples/avahi-engawa.service /etc/avahi/services/engawa.service
box systemctl restart avahi-daemon
announced() { box timeout 5 avahi-browse --parsable --terminate --resolve _engawa._tcp | grep -q '^=.*;8471;.*path=/v1'; }
until_true 30 'the box is announced' announced
seen "announced: $(box timeout 5 avahi-browse -prt _engawa._tcp | grep -m 1 '^=' | cut -d';' -f4-9)"
box systemctl stop avahi-daemon.socket avahi-daemon.service
