# PST to .eml, against readpst with one job (with several it loses mail), and
# against cat of the file: the largest of the samples, and one of 250 MB. The
# first line is the direct way, the second the one with a ledger.
#
# The files are written to memory where there is room: a disk file system spends
# more on inodes that were freed a moment ago than either program on mail. To
# take away what the run before has written does not count.
"$work/samples" pst -n 4200 "$work/made.pst"
cp "$MAILCONV_CORPUS/pst/aspose.email-for-.net/SampleOstFile.ost" "$work/real.ost"
out=$work
if [ "$(df -Pk /dev/shm 2>/dev/null | awk 'END { print $4 }')" -gt 2000000 ] 2>/dev/null; then
  out=$(mktemp -d /dev/shm/mailconv-bench.XXXXXX)
  trap 'rm -rf "$work" "$out"' EXIT
fi
for pst in real.ost made.pst; do
  before="rm -rf $out/out $work/state*; mkdir $out/out"
  direct="$mailconv convert --progress none --to eml -o $out/out $work/$pst 2>>$work/log"
  copy="$mailconv copy --progress none --state $work/state pst:$work/$pst 'dir:$out/out?format=eml&sync=no' 2>>$work/log"
  if command -v readpst >/dev/null; then
    readpst="readpst -q -e -D -j0 -o $out/out $work/$pst >$work/null"
    ratio -aim 0.8 -peak 64 -before "$before" "$pst -> .eml against readpst, convert" "$direct" "$readpst"
    ratio -peak 64 -before "$before" "$pst -> .eml against readpst, copy" "$copy" "$readpst"
  else
    echo "LEFT OUT: readpst is missing (Debian package pst-utils)"
  fi
  ratio -peak 64 -before "$before" "$pst -> .eml against cat, convert" "$direct" "cat $work/$pst >$out/out/copy.pst"
done
# The first item of a large file.
ratio "first item of 250 MB listed" "$mailconv ls -l pst:$work/made.pst 2>>$work/log | head -1 >$work/null" "/bin/true"
rm -rf "$out"/out "$work"/state* "$work"/*.pst "$work"/*.ost
[ "$out" = "$work" ] || rm -rf "$out"
