#!/bin/sh
# Operators and their tests: src/ops/NAME.c, where it defines operators, has its cases in
# tests/ops/NAME.c as the array cases_NAME, and no cases are without their operator.
. "$srcdir/tests/lint/lib.sh"
echo 1..2

grep -l '^const struct op_def op_' src/ops/*.c | while IFS= read -r f; do
	name=$(basename "$f" .c)
	grep -qs "^const struct op_case cases_$name\[\] = {" "tests/ops/$name.c" ||
		echo "$f: no cases_$name[] in tests/ops/$name.c"
done | check 1 'each operator has its cases'

grep -l '^const struct op_case cases_' tests/ops/*.c | while IFS= read -r f; do
	grep -qs '^const struct op_def op_' "src/ops/$(basename "$f")" ||
		echo "$f: src/ops/$(basename "$f") defines no operator"
done | check 2 'all cases belong to an operator'
