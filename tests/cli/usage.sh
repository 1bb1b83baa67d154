#!/bin/sh
# Wrong usage: one line on the standard error, nothing on the standard output, exit status 2.
. "$srcdir/tests/cli/lib.sh"
plan 12

# refused NAME TEXT WORD...
refused()
{
	name=$1 text=$2
	shift 2
	run "$@"
	{
		wanted 2 "onnxtune: $text; see onnxtune --help"
		cat out
	} | report "$name"
}

refused 'no arguments' 'tune needs MODEL DATA'
refused 'no data' 'tune needs MODEL DATA' model.onnx
refused 'too many arguments' "'c' is too much: tune takes MODEL DATA" a b c
refused 'a misspelt command' "unknown command 'evalute' (did you mean evaluate?)" evalute a b
refused 'a misspelt option' 'unknown option --epoch (did you mean --epochs?)' a b --epoch=3
refused 'a missing value' '-o needs a value: --output=FILE' a b -o
refused 'a wrong value' "--lr: 'fast' is not a number of at least 0, 'auto' or 'default'" a b --lr fast
refused "another command's option" '--epochs does not apply to evaluate' evaluate a b --epochs=1
refused 'options that contradict each other' '--micro-batch is larger than --batch-size 4' \
	a b --micro-batch=8 -b4
refused 'too many steps' "--steps: '100000001' is not a whole number of at least 0 and at most 100000000 or 'auto'" \
	a b --steps 100000001
refused 'control characters do not reach the terminal' "unknown option --?[31mx" "--$(printf '\033')[31mx"

printf 'epochs = 3\n\nlr = x\n' >wrong.conf
refused 'a mistake in a configuration file' \
	"wrong.conf:3: lr: 'x' is not a number of at least 0, 'auto' or 'default'" a b --config wrong.conf
