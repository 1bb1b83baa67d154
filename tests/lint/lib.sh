# Sourced by the lint scripts. They work in the project's folder and write TAP: a plan, then
# `problems | check NUMBER NAME` for each rule, one problem a line.
LC_ALL=C
export LC_ALL
build=$(pwd)
cd "$srcdir" || exit 1

# check NUMBER NAME: passes when standard input is empty.
check()
{
	problems=$(cat)
	if test -z "$problems"; then
		echo "ok $1 - $2"
	else
		echo "not ok $1 - $2"
		printf '%s\n' "$problems" | sed 's/^/# /'
	fi
}

# sources FOLDER...: the C and CUDA files below the folders (which may be missing), one a line.
sources()
{
	find "$@" \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' \) 2>/dev/null | sort
}
