#!/bin/sh
# How files look: formatting, length, openings, left-over notes.
. "$srcdir/tests/lint/lib.sh"
echo 1..6

if command -v clang-format-14 >/dev/null; then
	sources src tests kernels | xargs clang-format-14 --dry-run -Werror 2>&1 |
		sed -n 's/^\([^ :]*:[0-9]*\):.*error:.*/\1: run `make format`/p' | sort -u |
		check 1 'formatting'
else
	echo 'ok 1 - formatting # SKIP clang-format-14 is not installed'
fi

# A long file needs a reason in long-files, and an entry there needs a long file.
sources src tests kernels | xargs wc -l | awk '
BEGIN {
	while ((getline line < "tests/lint/long-files") > 0)
		if (line !~ /^#/ && split(line, word, " ") > 1)
			reason[word[1]]
}
$2 == "total" { next }
$1 > 600 && !($2 in reason) { print $2 ": " $1 " lines: split it, or give a reason in tests/lint/long-files" }
$1 > 600 { delete reason[$2] }
END {
	for (file in reason)
		print file ": no longer over 600 lines, but in tests/lint/long-files"
}' | check 2 'no file over 600 lines without a reason'

sources src tests kernels | xargs awk 'FNR == 1 && !/^\/\*/ { print FILENAME }' |
	check 3 'each file opens by saying what it does'

sources src | grep '\.h$' | while IFS= read -r f; do
	guard=ONNXTUNE_$(echo "${f#src/}" | tr a-z/.- A-Z___)
	grep -q "^#ifndef $guard\$" "$f" && grep -q "^#define $guard\$" "$f" || echo "$f: $guard"
done | check 4 'include guards carry the path'

sources src tests kernels | grep -v "^tests/cudasim/include/" |
	xargs grep -nE '^[ 	]*typedef (struct|enum|union)[^(]*$' |
	check 5 'no typedef hides a struct'

{
	sources src tests kernels bench
	find bootstrap quickstart configure.ac Makefile.am .ci m4 tests docs *.md -type f \
		\( -name '*.sh' -o -name '*.md' -o -name '*.m4' -o -name '*.a[cm]' -o ! -name '*.*' \) \
		2>/dev/null
} | sort -u | xargs grep -nwE 'TO[D]O|FIX[M]E|X[X]X|HA[C]K' | check 6 'nothing left to do in comments'
