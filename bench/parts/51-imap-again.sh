# A second run that finds nothing new, 5,020 messages in 20 folders, against
# mbsync's second run over the same mailbox and the same servers.
if [ -x /usr/sbin/dovecot ] && command -v mbsync >/dev/null; then
  go build -o "$work/probe" ./bench/probe
  servers=$(mktemp -d /tmp/mcb.XXXXXX)
  trap 'scripts/servers stop "$servers"; rm -rf "$work" "$servers"' EXIT
  scripts/servers start "$servers" dovecot
  # shellcheck disable=SC1091
  . "$servers/env"
  "$work/probe" fill "$DOVECOT_IMAP" src
  export MAILCONV_SRC_PASSWORD=secret MAILCONV_DST_PASSWORD=secret
  mkdir -p "$work/sync"
  for side in src:far ann:near; do
    cat <<END
IMAPStore ${side#*:}
Host ${DOVECOT_IMAP%:*}
Port ${DOVECOT_IMAP#*:}
User ${side%:*}
Pass secret
SSLType None
AuthMechs PLAIN

END
  done >"$work/mbsyncrc"
  cat >>"$work/mbsyncrc" <<END
Channel all
Far :far:
Near :near:
Patterns *
Create Near
Sync Pull
SyncState $work/sync/
END
  mbsync -q -c "$work/mbsyncrc" all >>"$work/log" 2>&1 || { tail -3 "$work/log"; echo "mbsync failed"; }
  again="$mailconv copy --progress none --state $work/again.db imap://src@$DOVECOT_IMAP?tls=none imap://dst@$DOVECOT_IMAP/again?tls=none 2>>$work/log"
  sh -c "$again"
  ratio -wall 3 -peak 64 "IMAP -> IMAP again, nothing new, against mbsync" "$again" "mbsync -q -c $work/mbsyncrc all >>$work/log 2>&1"
  scripts/servers stop "$servers"
  rm -rf "$servers"
  trap 'rm -rf "$work"' EXIT
else
  echo "LEFT OUT: a second run against mbsync (dovecot or isync is not installed; make test-deps)"
fi
