#!/bin/sh
# Runs one test program or script and passes on what it says in TAP, made fit for automake's driver:
# - cmocka calls a skip "not ok N # SKIP name", and starts anew at 1 for each group of tests;
# - a skip that is not in tests/expected-skips is a failure;
# - so is a program that dies, leaves tests out, or ends with an error after its last test (a leak
#   found by a sanitizer), since the driver ignores exit statuses: cmocka's is the failure count.
#
# usage: tap.sh [SHELL] PROGRAM     environment: srcdir, AWK
for program; do :; done
case $program in
*/fuzz_*) set -- "$@" "$srcdir/tests/fuzz/corpus/${program##*/fuzz_}" ;;
esac
CMOCKA_MESSAGE_OUTPUT=TAP
export CMOCKA_MESSAGE_OUTPUT
{
	timeout -k 10 "${TEST_TIMEOUT:-600}" "$@"
	printf '\nexit status %s\n' $?
} | "${AWK:-awk}" -v program="${program##*/}" -v expected="$srcdir/tests/expected-skips" '
BEGIN {
	while ((getline line < expected) > 0) {
		sub(/[ \t]*#.*/, "", line)
		if (line != "")
			skips[line]
	}
}
function result(good, name, directive)
{
	ran++
	if (!good)
		failed++
	print (good ? "ok " : "not ok ") ran " - " name directive
}
function skipped(name, reason)
{
	if ((program " " name) in skips)
		result(1, name, " # SKIP " reason)
	else
		result(0, name ": skipped (" reason "), which is not in tests/expected-skips", "")
}
/^exit status [0-9]+$/ {
	status = $3
	next
}
/^1\.\.0 *#/ {
	planned++
	sub(/^1\.\.0 *# *([Ss][Kk][Ii][Pp])?[A-Za-z]* */, "")
	skipped("all", $0)
	next
}
/^1\.\.[0-9]+ *$/ {
	planned += substr($1, 4)
	next
}
/^(not )?ok( |$)/ {
	good = /^ok/
	sub(/^(not )?ok *[0-9]* *(- *)?/, "")
	if (match($0, /# *[Ss][Kk][Ii][Pp]/)) {
		name = substr($0, 1, RSTART - 1)
		reason = substr($0, RSTART + RLENGTH)
		gsub(/^ +| +$/, "", name)
		gsub(/^ +| +$/, "", reason)
		if (name == "") {
			name = reason
			reason = "skip()"
		}
		skipped(name, reason)
	} else {
		result(good, $0, "")
	}
	next
}
{ print }
END {
	if (planned != ran || !ran)
		result(0, program " planned " planned + 0 " tests, ran " ran + 0 ", exit status " status, "")
	else if (status && !failed)
		result(0, program " ended with exit status " status " after its tests", "")
	print "1.." ran
}'
