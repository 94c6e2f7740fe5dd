# Dovecot to Dovecot: 5,020 messages in 20 folders, against a raw socket that
# streams one FETCH a folder into MULTIAPPENDs of fifty. Most of the work is the
# servers', which this does not count: it is the wall time that compares. The
# first line is the words of package transport alone, the second the command.
# mbsync takes 2.2x of the probe, imapsync 6x.
if [ -x /usr/sbin/dovecot ]; then
  go build -o "$work/probe" ./bench/probe
  go build -o "$work/imapcopy" ./bench/imapcopy
  servers=$(mktemp -d /tmp/mcb.XXXXXX)
  trap 'scripts/servers stop "$servers"; rm -rf "$work" "$servers"' EXIT
  scripts/servers start "$servers" dovecot
  # shellcheck disable=SC1091
  . "$servers/env"
  "$work/probe" fill "$DOVECOT_IMAP" src
  export MAILCONV_SRC_PASSWORD=secret MAILCONV_DST_PASSWORD=secret
  limit="$work/probe copy $DOVECOT_IMAP src $DOVECOT_IMAP dst probe\$\$"
  from="imap://src@$DOVECOT_IMAP?tls=none"
  into="imap://dst@$DOVECOT_IMAP/copy\$\$?tls=none"
  # The account is emptied before each run: gigabytes that the system has yet
  # to write to its disk are nobody's work.
  empty="rm -rf $servers/dovecot/mail/dst $work/imap*.db*; sync"
  ratio -before "$empty" "IMAP -> IMAP, 5,020 messages, words" "$work/imapcopy '$from' \"$into\"" "$limit"
  ratio -before "$empty" -wall 1.3 -peak 64 "IMAP -> IMAP, 5,020 messages, copy" \
    "$mailconv copy --progress none --state $work/imap\$\$.db '$from' \"$into\" 2>>$work/log" "$limit"
  scripts/servers stop "$servers"
  rm -rf "$servers"
  trap 'rm -rf "$work"' EXIT
else
  echo "LEFT OUT: IMAP -> IMAP (dovecot is not installed; make test-deps)"
fi
