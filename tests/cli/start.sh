#!/bin/sh
# How the program starts: threads that wait spin for a short time only, as libgomp itself says, unless
# the user has chosen; and it is loaded once, but where nothing is in the environment that could give
# way to what libgomp reads.
. "$srcdir/tests/cli/lib.sh"
unset GOMP_SPINCOUNT

# starts TIMES SPIN: the last run was loaded so many times, and that is what holds.
starts()
{
	grep -q 'OPENMP DISPLAY ENVIRONMENT' err || return # OpenMP is another library, or there is none
	test "$(grep -c 'OPENMP DISPLAY ENVIRONMENT BEGIN' err)" = "$1" || echo "not loaded $1 times"
	grep 'GOMP_SPINCOUNT' err | tail -1 | grep -v "'$2'"
	grep -q "^onnxtune " out || cat out
}

OMP_DISPLAY_ENV=verbose run --version
starts 1 1000 | report 'loaded once'

env -i OMP_DISPLAY_ENV=verbose PATH=/ "$ONNXTUNE" --version >out 2>err
starts 1 1000 | report 'one entry that can give way'

env -i OMP_DISPLAY_ENV=verbose "$ONNXTUNE" --version >out 2>err
starts 2 1000 | report 'none that can'

GOMP_SPINCOUNT=77 OMP_DISPLAY_ENV=verbose run --version
starts 1 77 | report 'GOMP_SPINCOUNT'

OMP_WAIT_POLICY=passive OMP_DISPLAY_ENV=verbose run --version
starts 1 0 | report 'OMP_WAIT_POLICY'
plan
