# Sourced by the scripts of this folder. They run $ONNXTUNE in a folder of their own, $work, and
# write TAP: `plan N`, then one `expect` or `report` for each test.
: "${ONNXTUNE:=./onnxtune}" "${srcdir:=.}"
ONNXTUNE=$(realpath "$ONNXTUNE")
cli=$(realpath "$srcdir/tests/cli")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
LC_ALL=C
TERM=dumb
export LC_ALL TERM
echo 0 >number # in a file: the ends of pipes are processes of their own

plan()
{
	echo "1..$1"
}

# report NAME: passes when standard input is empty, which else says what is wrong.
report()
{
	number=$(($(cat number) + 1))
	echo "$number" >number
	problems=$(cat)
	if test -z "$problems"; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "$problems" | sed 's/^/# /'
	fi
}

# run WORD...: runs the program; leaves $status, and what it wrote in the files out and err.
run()
{
	"$ONNXTUNE" "$@" >out 2>err
	status=$?
}

# wanted STATUS [ERR]: compares what the last run left, ERR being the whole standard error.
wanted()
{
	test "$status" = "$1" || echo "exit status $status, not $1"
	test $# -lt 2 || test "$(cat err)" = "$2" || {
		echo "standard error, wanted: $2"
		cat err
	}
}

# same FILE GOLDEN: the file is as it should be.
same()
{
	diff -u "$cli/golden/$2" "$1"
}
