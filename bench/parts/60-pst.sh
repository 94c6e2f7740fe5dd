# PST to .eml, against readpst with one job (with several it loses mail), and
# against cat of the file: the largest of the samples, and one of 250 MB. The
# first line is the direct way, the second the one with a ledger.
"$work/samples" pst -n 4200 "$work/made.pst"
cp "$MAILCONV_CORPUS/pst/aspose.email-for-.net/SampleOstFile.ost" "$work/real.ost"
for pst in real.ost made.pst; do
  direct="rm -rf $work/out; $mailconv convert --progress none --to eml -o $work/out $work/$pst 2>>$work/log"
  copy="rm -rf $work/out $work/state*; $mailconv copy --progress none --state $work/state pst:$work/$pst 'dir:$work/out?format=eml&sync=no' 2>>$work/log"
  if command -v readpst >/dev/null; then
    readpst="rm -rf $work/out; mkdir $work/out; readpst -q -e -D -j0 -o $work/out $work/$pst >$work/null"
    ratio -aim 0.8 -peak 64 "$pst -> .eml against readpst, convert" "$direct" "$readpst"
    ratio -peak 64 "$pst -> .eml against readpst, copy" "$copy" "$readpst"
  else
    echo "LEFT OUT: readpst is missing (Debian package pst-utils)"
  fi
  ratio -peak 64 "$pst -> .eml against cat, convert" "$direct" "cat $work/$pst >$work/copy.pst"
done
# The first item of a large file.
ratio "first item of 250 MB listed" "$mailconv ls -l pst:$work/made.pst 2>>$work/log | head -1 >$work/null" "/bin/true"
rm -rf "$work"/out "$work"/state* "$work"/*.pst "$work"/*.ost
