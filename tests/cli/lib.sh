# Sourced by the scripts of this folder. They run $ONNXTUNE in a folder of their own, $work, and
# write TAP: `plan N`, then one `report` for each test; `plan` alone at the end counts them.
: "${ONNXTUNE:=./onnxtune}" "${srcdir:=.}"
ONNXTUNE=$(realpath "$ONNXTUNE")
HELPER=${HELPER:-${ONNXTUNE%/*}/tests/cli/helper}
cli=$(realpath "$srcdir/tests/cli")
demo=$(realpath "$srcdir/data/demo")
models=$(realpath "$srcdir/models")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
LC_ALL=C
TERM=dumb
export LC_ALL TERM
unset OMP_WAIT_POLICY # as users run it: the program chooses for itself
echo 0 >number # in a file: the ends of pipes are processes of their own

plan()
{
	echo "1..${1:-$(cat number)}"
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

# helper COMMAND WORD...: makes and checks files, see helper.h.
helper()
{
	"$HELPER" "$@"
}

# plain: the text of a model of three classes, for `helper model`.
plain()
{
	cat <<-'END'
		opset 13
		input x float32 N,4
		tensor w float32 4,3
		tensor b float32 3
		node Gemm fc x w b -> logits
		node Softmax prob logits -> probs axis=1
		output probs
	END
}

# listing: all that is in the folder, but for the scripts' own files.
listing()
{
	find . ! -type d ! -path ./out ! -path ./err ! -path './own.*' ! -path ./number \
		-exec ls -ld --time-style=+ {} + -type f -exec cksum {} + | sort
}

# told: the messages of the last run.
told()
{
	grep -a '^onnxtune: ' err || :
}

# refuses STATUS PATTERN WORD...: the program ends with the status and messages that match the
# pattern, before any training, without results, and all files are as they were.
refuses()
{
	own_status=$1 own_pattern=$2
	shift 2
	listing >own.before
	run "$@"
	wanted "$own_status"
	case $(told) in
	$own_pattern) ;;
	*)
		echo "wanted: $own_pattern"
		cat err
		;;
	esac
	grep -a '^Epoch' err
	cat out
	listing | diff own.before -
}
