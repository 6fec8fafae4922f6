# servers.sh - starts the servers that samples/record records, inside the namespace $server, with everything under $work. Made-up
# credentials only: alice@example.org / s3cr3t-Alice.

running=()
in_server() { ip netns exec "$server" "$@"; }

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.example.org -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
chmod 644 "$work/key.pem"

start_postfix() {
  local q=$work/spool
  mkdir -p "$work/postfix" "$q" "$work/data"
  chown postfix "$work/data"
  cat >"$work/postfix/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $q
data_directory = $work/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = /var/log/record-postfix.log
maillog_file_prefixes = /var/log
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.org
mydestination = example.org
mynetworks = 127.0.0.0/8
inet_interfaces = all
inet_protocols = all
local_transport = discard:
default_transport = discard:
local_recipient_maps = inline:{alice=x, bob=x, carol=x, postmaster=x}
alias_maps =
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtpd_tls_cert_file = $work/cert.pem
smtpd_tls_key_file = $work/key.pem
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_security_options =
message_size_limit = 100000
smtpd_timeout = 8s
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 10
smtpd_hard_error_limit = 12
smtpd_recipient_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtputf8_enable = yes
strict_rfc821_envelopes = yes
disable_vrfy_command = yes
smtpd_authorized_xclient_hosts = 192.0.2.10
smtpd_authorized_xforward_hosts = 192.0.2.10
CF
  cat >"$work/postfix/master.cf" <<CF
smtp       inet n - n - - smtpd
587        inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes
465        inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_tls_wrappermode=yes
2525       inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy
10025      inet n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes
10026      inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=pipelining,chunking,dsn -o smtpd_data_restrictions=reject_unauth_pipelining
10027      inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject -o smtpd_delay_reject=yes
10028      inet n - n - - smtpd -o smtpd_delay_reject=no -o smtpd_client_restrictions=reject
10029      inet n - n - - smtpd -o smtpd_client_message_rate_limit=1 -o smtpd_authorized_xclient_hosts=
10038      inet n - n - - smtpd -o smtpd_tls_protocols=>=TLSv1.3
10039      inet n - n - - smtpd -o tls_eecdh_auto_curves=prime256v1
10040      inet n - n - - smtpd -o smtpd_tls_key_file=$work/no-such-key.pem
10030      inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_client_auth_rate_limit=2 -o smtpd_authorized_xclient_hosts=
10031      inet n - n - - smtpd -o smtpd_tls_security_level=none
10032      inet n - n - - smtpd -o mynetworks=192.0.2.0/24 -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination -o smtpd_recipient_restrictions=
10033      inet n - n - - smtpd -o smtpd_timeout=600s
10034      inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=xclient,xforward
10035      inet n - n - - smtpd -o smtpd_delay_reject=no -o { smtpd_client_restrictions = sleep 11 }
10036      inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_hard_error_limit=100 -o smtpd_soft_error_limit=100
pickup     unix n - n 60 1 pickup
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
verify     unix - - n - 1 verify
proxymap   unix - - n - - proxymap
error      unix - - n - - error
retry      unix - - n - - error
discard    unix - - n - - discard
anvil      unix - - n - 1 anvil
tlsmgr     unix - - n 1000? 1 tlsmgr
postlog    unix-dgram n - n - 1 postlogd
CF
  in_server postfix -c "$work/postfix" start >"$work/postfix.log" 2>&1
  running+=(postfix)
}

start_dovecot() {
  mkdir -p "$work/dovecot/run" "$work/mail"
  chmod 777 "$work/mail"
  printf 'alice@example.org:{PLAIN}s3cr3t-Alice\n' >"$work/dovecot/users"
  chmod 644 "$work/dovecot/users"
  cat >"$work/dovecot/oauth2.conf" <<CF
tokeninfo_url = http://127.0.0.1:8025/tokeninfo?access_token=
introspection_mode = auth
username_attribute = email
active_attribute = active
active_value = true
CF
  cat >"$work/dovecot/dovecot.conf" <<CF
base_dir = $work/dovecot/run
state_dir = $work/dovecot/run
log_path = $work/dovecot/log
protocols = lmtp
listen = 192.0.2.25
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 anonymous gssapi gss-spnego xoauth2 oauthbearer
auth_krb5_keytab = $work/krb5/keytab
auth_gssapi_hostname = mx.example.org
import_environment = KRB5_CONFIG=$work/krb5/krb5.conf
auth_anonymous_username = guest
auth_failure_delay = 0
mail_location = maildir:$work/mail/%u
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $work/dovecot/oauth2.conf
}
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u $work/dovecot/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$work/mail/%u
}
service auth {
  unix_listener $work/spool/private/auth {
    mode = 0666
  }
}
service lmtp {
  inet_listener lmtp {
    address = 192.0.2.25
    port = 24
  }
}
CF
  chmod 755 "$work" "$work/dovecot"
  in_server dovecot -c "$work/dovecot/dovecot.conf" >"$work/dovecot.log" 2>&1
  running+=(dovecot)
}

# A realm of its own for GSSAPI: EXAMPLE.ORG with alice and smtp/mx.example.org.
start_kerberos() {
  local k=$work/krb5
  mkdir -p "$k"
  cat >"$k/krb5.conf" <<CF
[libdefaults]
  default_realm = EXAMPLE.ORG
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  EXAMPLE.ORG = {
    kdc = 192.0.2.25
  }
CF
  cat >"$k/kdc.conf" <<CF
[kdcdefaults]
  kdc_listen = 192.0.2.25:88
  kdc_tcp_listen = 192.0.2.25:88
[realms]
  EXAMPLE.ORG = {
    database_name = $k/principal
    key_stash_file = $k/stash
    acl_file = $k/acl
  }
CF
  export KRB5_CONFIG=$k/krb5.conf KRB5_KDC_PROFILE=$k/kdc.conf KRB5CCNAME=FILE:$k/cache
  { kdb5_util create -s -r EXAMPLE.ORG -P master-made-up &&
    kadmin.local -q 'addprinc -pw s3cr3t-Alice alice' &&
    kadmin.local -q 'addprinc -randkey smtp/mx.example.org' &&
    kadmin.local -q "ktadd -k $k/keytab smtp/mx.example.org"; } >"$work/krb5.log" 2>&1 || return 1
  chmod 644 "$k/keytab"
  in_server krb5kdc -P "$k/pid" >>"$work/krb5.log" 2>&1 || return 1
  echo s3cr3t-Alice | ip netns exec "$client" kinit alice >>"$work/krb5.log" 2>&1 || return 1
  running+=(kerberos)
}

# Says of one token that it is alice's.
start_tokens() {
  (in_server python3 -c '
import http.server, urllib.parse
class Tokens(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        token = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query).get("access_token", [""])[0]
        good = token == "ya29.s3cr3t-Alice"
        body = b"{\"email\":\"alice@example.org\",\"active\":\"true\"}" if good else b"{\"error\":\"invalid_token\"}"
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.HTTPServer(("127.0.0.1", 8025), Tokens).serve_forever()' >/dev/null 2>&1 &)
  running+=(tokens)
}

# Packages that exclude Postfix on one machine are unpacked, not installed.
unpack() { # DIRECTORY PACKAGE...
  local dir=$1 deb
  shift
  mkdir -p "$dir/debs"
  (cd "$dir/debs" && apt-get download "$@" >/dev/null 2>&1) || return 1
  for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir"; done
}

start_exim() {
  local x=$work/exim
  unpack "$x" exim4-daemon-heavy exim4-base >"$work/exim.log" 2>&1 || return 1
  local need
  need=$(ldd "$x/usr/sbin/exim4" | awk '/not found/ { print $1 }')
  if [ -n "$need" ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libgsasl18 libspf2-2 libopendmarc2 libpam0g libdb5.3 \
      libmariadb3 libpq5 libldap-2.5-0 libsqlite3-0 libidn12 libidn2-0 libgnutls-dane0 libperl5.36 >>"$work/exim.log" 2>&1 || true
  fi
  id Debian-exim >/dev/null 2>&1 || useradd -r -M -d "$x/spool" -s /usr/sbin/nologin Debian-exim
  mkdir -p "$x/spool" "$x/log"
  chown Debian-exim "$x/spool" "$x/log"
  cat >"$x/exim.conf" <<CF
primary_hostname = exim.example.org
spool_directory = $x/spool
log_file_path = $x/log/%s
exim_user = Debian-exim
exim_group = Debian-exim
daemon_smtp_ports = 10125 : 10165
tls_on_connect_ports = 10165
local_interfaces = 192.0.2.25
tls_advertise_hosts = \${if eq{\$sender_helo_name}{other.example.org}{:}{*}}
tls_certificate = $work/cert.pem
tls_privatekey = $work/key.pem
prdr_enable = true
host_lookup =
rfc1413_query_timeout = 0s
smtp_receive_timeout = 8s
message_size_limit = 100000
acl_smtp_rcpt = check_rcpt
acl_smtp_data_prdr = check_prdr
acl_smtp_etrn = accept
smtp_etrn_command = /bin/true
pipelining_connect_advertise_hosts =
smtp_accept_max = 20
queue_only = true
begin acl
check_rcpt:
  accept authenticated = *
  accept domains = example.org
         local_parts = alice : bob : carol : postmaster
  deny message = kein Postfach für diesen Empfänger
       local_parts = dave
  deny message = unknown user
check_prdr:
  deny local_parts = carol
       message = carol does not want this
  accept
begin routers
drop:
  driver = accept
  transport = null
begin transports
null:
  driver = appendfile
  file = /dev/null
  user = nobody
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if eq{\$auth2}{dave@example.org}{\${lookup{dave}lsearch{$x/no-such-file}}}{\${if and {{eq{\$auth2}{alice@example.org}}{eq{\$auth3}{s3cr3t-Alice}}}}}}
  server_set_id = \$auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and {{eq{\$auth1}{alice@example.org}}{eq{\$auth2}{s3cr3t-Alice}}}}
  server_set_id = \$auth1
ntlm:
  driver = spa
  public_name = NTLM
  server_password = \${if eq{\$auth1}{alice@example.org}{s3cr3t-Alice}fail}
  server_set_id = \$auth1
external:
  driver = external
  public_name = EXTERNAL
  server_condition = \${if eq{\$auth1}{printer@example.org}}
  server_set_id = \$auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = \${if eq{\$auth1}{alice@example.org}{s3cr3t-Alice}fail}
  server_set_id = \$auth1
CF
  chown root "$x/exim.conf"
  exim_version=$("$x/usr/sbin/exim4" -bV 2>/dev/null | awk 'NR == 1 { print $3 }')
  in_server "$x/usr/sbin/exim4" -C "$x/exim.conf" -bd >>"$work/exim.log" 2>&1 || return 1
  running+=(exim)
}

start_opensmtpd() {
  local o=$work/opensmtpd
  unpack "$o" opensmtpd >"$work/opensmtpd.log" 2>&1 || return 1
  if [ -n "$(ldd "$o/usr/sbin/smtpd" | awk '/not found/')" ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libasr0 libevent-2.1-7 libdb5.3 >>"$work/opensmtpd.log" 2>&1 || true
  fi
  for u in opensmtpd opensmtpq; do
    id $u >/dev/null 2>&1 || useradd -r -M -d /var/lib/opensmtpd/empty -s /usr/sbin/nologin $u
  done
  mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
  chmod 755 /var/lib/opensmtpd/empty
  chmod 711 /var/spool/smtpd
  cat >"$o/smtpd.conf" <<CF
pki main cert "$work/cert.pem"
pki main key "$work/smtpd-key.pem"
table users file:$o/users
table creds file:$o/creds
smtp max-message-size "100K"
listen on 192.0.2.25 port 10225 tls pki main hostname opensmtpd.example.org auth-optional <creds>
listen on 192.0.2.25 port 10226 tls pki main hostname opensmtpd.example.org auth <creds>
action drop maildir "$work/mail/opensmtpd"
match from any for domain "example.org" rcpt-to <users> action drop
CF
  printf 'alice@example.org\nbob@example.org\n' >"$o/users"
  printf 'alice@example.org\t%s\n' "$(openssl passwd -6 s3cr3t-Alice)" >"$o/creds"
  cp "$work/key.pem" "$work/smtpd-key.pem" && chmod 600 "$work/smtpd-key.pem"
  local lib
  lib=$(find "$o/usr" -type d -name opensmtpd -path '*lib*' | head -1)
  mkdir -p "$(dirname "${lib#"$o"}")"
  [ -d "${lib#"$o"}" ] || ln -sfn "$lib" "${lib#"$o"}"
  opensmtpd_version=$("$o/usr/sbin/smtpd" -h 2>&1 | awk '/version/ { print $3 }' | head -1)
  (in_server "$o/usr/sbin/smtpd" -d -f "$o/smtpd.conf" >>"$work/opensmtpd.log" 2>&1 &)
  sleep 1
  in_server ss -ltn | grep -q 10225 || return 1
  running+=(opensmtpd)
}

start_sendmail() {
  local s=$work/sendmail
  unpack "$s" sendmail-bin sendmail-cf sendmail-base >"$work/sendmail.log" 2>&1 || return 1
  if ! command -v m4 >/dev/null || [ -n "$(ldd "$s/usr/libexec/sendmail/sendmail" | awk '/not found/')" ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends m4 libdb5.3 libldap-2.5-0 liblockfile1 libnsl2 libsasl2-2 \
      libwrap0 >>"$work/sendmail.log" 2>&1 || true
  fi
  mkdir -p "$s/queue" "$s/etc"
  chmod 700 "$s/queue"
  printf 'alice: /dev/null\nbob: /dev/null\ncarol: /dev/null\npostmaster: /dev/null\nroot: /dev/null\nstaff: alice, bob\n' >"$s/etc/aliases"
  printf 'hosts files\naliases files\npasswd files\n' >"$s/etc/switch"
  cat >"$s/etc/sendmail.mc" <<CF
OSTYPE(\`linux')
define(\`confDOMAIN_NAME', \`sendmail.example.org')
define(\`ALIAS_FILE', \`$s/etc/aliases')
define(\`HELP_FILE', \`$s/etc/mail/helpfile')
define(\`STATUS_FILE', \`')
define(\`QUEUE_DIR', \`$s/queue')
define(\`confPID_FILE', \`$s/pid')
define(\`confSERVICE_SWITCH_FILE', \`$s/etc/switch')
define(\`confDELIVERY_MODE', \`q')
define(\`confMAX_MESSAGE_SIZE', \`100000')
define(\`confPRIVACY_FLAGS', \`needmailhelo')
define(\`confTO_IDENT', \`0')
define(\`confTO_COMMAND', \`8s')
define(\`confDONT_BLAME_SENDMAIL', \`TrustStickyBit,MapInUnsafeDirPath')
FEATURE(\`accept_unresolvable_domains')
FEATURE(\`greet_pause', \`200')
FEATURE(\`no_default_msa')
DAEMON_OPTIONS(\`Name=MTA, Port=10325, Addr=192.0.2.25')
MAILER(\`local')
MAILER(\`smtp')
LOCAL_CONFIG
Cwexample.org
LOCAL_RULESETS
SLocal_check_rcpt
R\$* dave \$*	\$#error \$@ 4.7.1 \$: "550 not for dave"
CF
  m4 -D_CF_DIR_="$s/usr/share/sendmail/cf/" "$s/usr/share/sendmail/cf/m4/cf.m4" "$s/etc/sendmail.mc" >"$s/etc/sendmail.cf" 2>>"$work/sendmail.log" || return 1
  in_server "$s/usr/libexec/sendmail/sendmail" -C "$s/etc/sendmail.cf" -bi >>"$work/sendmail.log" 2>&1 || return 1
  in_server "$s/usr/libexec/sendmail/sendmail" -C "$s/etc/sendmail.cf" -bd >>"$work/sendmail.log" 2>&1 || return 1
  sendmail_version=$("$s/usr/libexec/sendmail/sendmail" -C "$s/etc/sendmail.cf" -d0.1 -bv root 2>/dev/null | awk '/^Version/ { print $2 }')
  running+=(sendmail)
}

start_aiosmtpd() {
  local a=$work/aiosmtpd
  unpack "$a" python3-aiosmtpd python3-public python3-attr >"$work/aiosmtpd.log" 2>&1 || return 1
  (PYTHONPATH=$a/usr/lib/python3/dist-packages in_server /usr/bin/python3 -m aiosmtpd -n -s 100000 -l 192.0.2.25:10425 -c aiosmtpd.handlers.Sink \
    >>"$work/aiosmtpd.log" 2>&1 &)
  for _ in $(seq 40); do in_server ss -ltn | grep -q 10425 && break; sleep 0.1; done
  in_server ss -ltn | grep -q 10425 || return 1
  aiosmtpd_version=$(PYTHONPATH=$a/usr/lib/python3/dist-packages /usr/bin/python3 -c 'import aiosmtpd; print(aiosmtpd.__version__)')
  running+=(aiosmtpd)
}
