#!/bin/sh
# The tests that need a GPU, of a build that has its programs (`make check-gpu` builds them): all
# kernels of the CUDA module against the references, sessions against recorded losses, and the
# reference models trained by the command. The last line counts the tests; logs are in
# BUILD/tests/gpu. Without a usable GPU one line says why, and the exit status is 77.
#
# usage: tests/gpu/check.sh [BUILD]
srcdir=$(cd "$(dirname "$0")/../.." && pwd)
cd "${1:-.}" || exit 1
ONNXTUNE=$PWD/onnxtune
DEVICE=cuda
XDG_CACHE_HOME=$PWD/tests/gpu/cache
: "${TEST_TIMEOUT:=420}"
export srcdir ONNXTUNE DEVICE XDG_CACHE_HOME TEST_TIMEOUT
mkdir -p tests/gpu/cache

# What the program itself says. Any other trouble is for the tests to find.
"$ONNXTUNE" "$srcdir/models/mlp/model.onnx" "$srcdir/models/mlp/data.npz" --device cuda --steps 0 \
	-o tests/gpu/probe.onnx --force >tests/gpu/probe.log 2>&1 || {
	reason=$(sed -n 's/^onnxtune: --device=cuda: //p' tests/gpu/probe.log)
	test -z "$reason" || {
		echo "no usable GPU: $reason"
		exit 77
	}
	cat tests/gpu/probe.log
}
grep '^computing on' tests/gpu/probe.log

# run NAME WORD...: one test program or script, its log and what failed in it.
run()
{
	log=tests/gpu/$1.log
	name=$1 start=$(date +%s)
	shift
	sh "$srcdir/tests/tap.sh" "$@" >"$log" 2>&1
	failed=$(grep -c '^not ok' "$log")
	echo "$name: $(grep -c '^ok' "$log") passed, $failed failed, $(($(date +%s) - start)) s"
	test "$failed" = 0 || grep -A 12 -e '^not ok' -e '^# ' "$log" | grep -v '^ok' | head -60
}
run test_train tests/gpu/test_train
run test_parity tests/gpu/test_parity
run recorded sh "$srcdir/tests/cli/recorded.sh"

cat tests/gpu/test_train.log tests/gpu/test_parity.log tests/gpu/recorded.log | awk '
/^ok .*# SKIP/ { skipped++; next }
/^ok / { passed++ }
/^not ok / { failed++ }
END {
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0 || passed == 0
}'
