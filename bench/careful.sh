#!/bin/sh
# What mailpanel does to one relayhost, as a careful administrator's script:
# the staged tree checked, tables built and read back, one rename, reload, read back.
# Usage: careful.sh CONFIG_DIRECTORY STAGE NEXT_HOP USER:PASSWORD
# STAGE keeps its empty queue from one run to the next, as mailpanel's does.
set -eu
live=$1 stage=$2 next_hop=$3 account=$4
trap 'rm -rf "$stage/etc" "$stage/new" "$stage/log"' EXIT
umask 077
mkdir -p "$stage/etc" "$stage/spool"
chmod 755 "$stage/etc" "$stage/spool"
cp -al "$live/." "$stage/etc"
rm "$stage/etc/main.cf"
rm -rf "$stage/etc/careful"
mkdir "$stage/etc/careful"
chmod 755 "$stage/etc/careful"
printf '%s %s\n' "$next_hop" "$account" > "$stage/etc/careful/sasl"
printf '%s secure match=nexthop servername=nexthop\n' "$next_hop" > "$stage/etc/careful/tls"

grep -vE '^(relayhost|smtp_sasl_[a-z_]*|smtp_tls_policy_maps) ' "$live/main.cf" > "$stage/new"
cat >> "$stage/new" <<END
relayhost = $next_hop
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:$live/careful/sasl
smtp_tls_policy_maps = hash:$live/careful/tls
smtp_sasl_tls_verified_security_options = noanonymous
END
chmod 644 "$stage/new"
grep -vE '^(queue_directory|data_directory|maillog_file|maillog_file_prefixes)[ =]' "$stage/new" \
    > "$stage/etc/main.cf"
cat >> "$stage/etc/main.cf" <<END
queue_directory = $stage/spool
data_directory = $stage/data
maillog_file = $stage/log
maillog_file_prefixes = $stage
END
chmod 644 "$stage/etc/main.cf"
touch -d '10 seconds ago' "$stage/etc/main.cf" "$stage/new"

postfix -c "$stage/etc" check
postconf -c "$stage/etc" -n > "$stage/parsed" 2> "$stage/warnings"
for table in sasl tls; do
    postmap -c "$stage/etc" "hash:$stage/etc/careful/$table"
done
test "$(postmap -c "$stage/etc" -q "$next_hop" "hash:$stage/etc/careful/sasl")" = "$account"
postmap -c "$stage/etc" -q "$next_hop" "hash:$stage/etc/careful/tls" > /dev/null

mkdir -p -m 755 "$live/careful"
for file in sasl sasl.db tls tls.db; do
    cp -p "$stage/etc/careful/$file" "$live/careful/.$file"
    sync "$live/careful/.$file"
    mv "$live/careful/.$file" "$live/careful/$file"
done
cp -p "$stage/new" "$live/.main.cf"
sync "$live/.main.cf"
mv "$live/.main.cf" "$live/main.cf"
postfix -c "$live" reload
test "$(postconf -c "$live" -h relayhost)" = "$next_hop"
