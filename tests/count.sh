#!/bin/sh
# Adds up the results in automake's test-suite.log files and prints one line. Fails when a test
# failed, none was run, or a log is missing, which counts as a failure.
#
# usage: count.sh LOG...
for log; do
	cat "$log" || echo '# ERROR: 1'
done | awk '
/^# (PASS|XFAIL): / { passed += $3 }
/^# SKIP: / { skipped += $3 }
/^# (FAIL|XPASS|ERROR): / { failed += $3 }
END {
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0 || passed == 0
}'
