# 5,000 small .msg to .eml, against cp -r of the same files.
"$work/samples" copies -n 5000 -max 102400 -glob "$MAILCONV_CORPUS/msg/*/*.msg" "$work/msg"
ratio -aim 8 "5,000 small .msg -> .eml" \
  "rm -rf $work/out; $mailconv convert --to eml --progress none -o $work/out $work/msg 2>>$work/log || [ \$? = 1 ]" \
  "rm -rf $work/out; cp -r $work/msg $work/out"
rm -rf "$work/out"
