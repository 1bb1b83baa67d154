#!/bin/sh
# What is generated is there before any object is compiled, also when one target alone is made; what is
# built goes when it is cleaned.
. "$srcdir/tests/lint/lib.sh"
echo 1..3
cd "$build" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL

# remade SOURCE OBJECT: what would be run for the object if the source had just been written.
remade()
{
	${MAKE:-make} -n -W "$(sed -n 's/^srcdir = //p' Makefile)/$1" "$2"
}

# tests/unit/test_gate.c and src/base/map.c include nothing that is generated
for object in tests/unit/test_gate.o src/base/map.o; do
	remade proto/event.proto $object | grep -q 'proto/event\.proto' || echo "$object"
done | check 1 'C of the schemas'
for object in tests/unit/test_gate.o src/base/map.o; do
	remade src/base/text.c $object | grep -q BUILD_ID || echo "$object"
done | check 2 'the build id'

# commands of a clean build folder, without running them
${MAKE:-make} -n clean >clean.commands 2>&1
for library in $(sed -n 's/^EXTRA_LIBRARIES = //p' Makefile); do
	grep -q "$library" clean.commands || echo "$library"
done | check 3 'no library is left by make clean'
rm -f clean.commands
