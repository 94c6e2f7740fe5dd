# One attachment of 80 MiB, against base64 -w76 of it.
"$work/samples" large -size 83886080 "$work/large.msg" "$work/large.bin"
ratio -aim 1.5 -peak 32 "80 MiB attachment .msg -> .eml" \
  "$mailconv convert --to eml -o - $work/large.msg >$work/large.eml" \
  "base64 -w76 $work/large.bin >$work/large.b64"
rm -f "$work"/large.*
