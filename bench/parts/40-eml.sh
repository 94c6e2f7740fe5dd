# 2,000 .eml, all parts decoded, against cat; and to .msg against cp -r.
"$work/samples" copies -n 2000 -max 1048576 -glob "$MAILCONV_CORPUS/eml/*/*.eml" "$work/eml"
go build -o "$work/decode" ./bench/decode
ratio -aim 5 "2,000 .eml parsed and decoded" "$work/decode $work/eml >$work/null" "cat $work/eml/* >$work/null"
ratio -aim 10 "2,000 .eml -> .msg" \
  "rm -rf $work/out; $mailconv convert --to msg --progress none -o $work/out $work/eml 2>>$work/log || [ \$? = 1 ]" \
  "rm -rf $work/out; cp -r $work/eml $work/out"
rm -rf "$work/out"
