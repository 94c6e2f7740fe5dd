# The same as 50-imap over a long line: both servers are 20 ms away (there and
# back). What waits for an answer loses here; the raw socket pipelines its
# MULTIAPPENDs. The aim is at least half of its pace: a wall ratio of 2.
if [ -x /usr/sbin/dovecot ]; then
  go build -o "$work/probe" ./bench/probe
  go build -o "$work/delay" ./bench/delay
  servers=$(mktemp -d /tmp/mcb.XXXXXX)
  trap 'scripts/servers stop "$servers"; kill "$line" 2>/dev/null || true; rm -rf "$work" "$servers"' EXIT
  scripts/servers start "$servers" dovecot
  # shellcheck disable=SC1091
  . "$servers/env"
  "$work/probe" fill "$DOVECOT_IMAP" src
  "$work/delay" -rtt 20ms "$DOVECOT_IMAP" >"$work/line" &
  line=$!
  while [ ! -s "$work/line" ]; do sleep 0.05; done
  far=$(cat "$work/line")
  export MAILCONV_SRC_PASSWORD=secret MAILCONV_DST_PASSWORD=secret
  ratio -peak 64 "IMAP -> IMAP over 20 ms, 5,020 messages" \
    "$mailconv copy --progress none --state $work/line\$\$.db 'imap://src@$far?tls=none' \"imap://dst@$far/copy\$\$?tls=none\" 2>>$work/log" \
    "$work/probe copy $far src $far dst probe\$\$"
  kill "$line"
  scripts/servers stop "$servers"
  rm -rf "$servers"
  trap 'rm -rf "$work"' EXIT
else
  echo "LEFT OUT: IMAP -> IMAP over a long line (dovecot is not installed; make test-deps)"
fi
