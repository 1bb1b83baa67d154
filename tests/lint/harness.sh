#!/bin/sh
# The tests of the tests: tests/tap.sh on programs that pass, fail, skip, crash, stop early or leak,
# and tests/count.sh on automake's summaries.
. "$srcdir/tests/lint/lib.sh"
echo 1..9

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/tests"
echo 'program known skip  # a reason' >"$folder/tests/expected-skips"

# verdicts WANTED COMMANDS: what tap.sh makes of a program that runs these commands.
verdicts()
{
	echo "$2" >"$folder/program"
	got=$(srcdir=$folder sh tests/tap.sh sh "$folder/program" 2>/dev/null |
		sed -nE 's/^ok .*# SKIP.*/skip/p; t; s/^((not )?ok) .*/\1/p; t; s/^(1\.\..*)/\1/p' |
		tr '\n' ' ')
	test "$got" = "$1 " || echo "wanted '$1', got '$got'"
}

verdicts 'ok ok 1..2' 'echo 1..1; echo "ok 1 - a"; echo 1..1; echo "ok 1 - b"' |
	check 1 'two groups of tests pass'
verdicts 'ok not ok 1..2' 'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; exit 1' |
	check 2 'a failure fails'
verdicts 'not ok 1..1' 'echo 1..1; echo "not ok 1 # SKIP something"' |
	check 3 'an unexpected skip fails'
verdicts 'skip skip 1..2' \
	'echo 1..2; echo "not ok 1 # SKIP known skip"; echo "ok 2 - known skip # SKIP no time"' |
	check 4 'expected skips of programs and scripts'
verdicts 'ok not ok 1..2' 'echo 1..2; echo "ok 1 - a"; kill -SEGV $$' |
	check 5 'a crash fails'
verdicts 'ok not ok 1..2' 'echo 1..1; echo "ok 1 - a"; exit 99' |
	check 6 'a leak found after the last test fails'
verdicts 'not ok 1..1' ':' |
	check 7 'no tests fail'

# count WANTED LOG...: what count.sh says of the logs.
count()
{
	wanted=$1
	shift
	got=$(sh tests/count.sh "$@" 2>/dev/null; echo $?)
	test "$got" = "$wanted" || echo "wanted '$wanted', got '$got'"
}

printf '# TOTAL: 6\n# PASS:  3\n# SKIP:  1\n# XFAIL: 0\n# FAIL:  1\n# XPASS: 0\n# ERROR: 1\n' >"$folder/bad"
printf '# TOTAL: 2\n# PASS:  2\n# SKIP:  0\n# XFAIL: 0\n# FAIL:  0\n# XPASS: 0\n# ERROR: 0\n' >"$folder/good"
count '5 passed, 2 failed, 1 skipped
1' "$folder/good" "$folder/bad" | check 8 'results are added up'
{
	count '2 passed, 0 failed, 0 skipped
0' "$folder/good"
	count '2 passed, 1 failed, 0 skipped
1' "$folder/good" "$folder/missing"
	count '0 passed, 0 failed, 0 skipped
1' /dev/null
} | check 9 'success is some passed and none failed, in all logs'
