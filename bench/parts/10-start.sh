# Start-up, against the smallest program there is.
ratio start-up "for i in 1 2 3 4 5 6 7 8 9 10; do $mailconv version; done >$work/null" "for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done"
