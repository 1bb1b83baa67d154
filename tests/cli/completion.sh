#!/bin/sh
# What bash completes: commands, the options of a command, their values, files.
. "$srcdir/tests/cli/lib.sh"

if ! bash -c : 2>/dev/null; then
	plan 0
	exit
fi
"$ONNXTUNE" --completion=bash >own.bash
"$ONNXTUNE" --completion=zsh >own.zsh
mkdir files
touch files/model.onnx 'files/a file'

# complete WORD...: what is offered for the last word.
complete()
{
	(cd files && bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _onnxtune; printf "%s\n" "${COMPREPLY[@]}"' \
		../own.bash onnxtune "$@") | tr '\n' '|'
}

# offers WANTED WORD...
offers()
{
	own_wanted=$1
	shift
	own_got=$(complete "$@")
	test "$own_got" = "$own_wanted|" || echo "$*: $own_got, not $own_wanted"
}

{
	offers 'evaluate' ev
	offers 'tune|evaluate|run|grad|inspect|gradcheck|a file|model.onnx' ''
	offers 'model.onnx' mo
	offers 'model.onnx' inspect mo
} | report 'commands and files'
{
	offers '--batch-size=|--batch-norm=' --batch
	offers '--batch-size=' inspect --batch-s
	offers '' evaluate --epo
	offers '--epochs=' tune m.onnx d --epo
	offers '--force' tune --forc
} | report 'options of the command'
{
	offers 'adam|adamw|adagrad|adafactor' --optimizer = ada
	offers 'adam|adamw|adagrad|adafactor' tune m --optimizer ada
	offers 'dynamic' --loss-scale = ''
	offers 'macro_f1=|macro_precision=|macro_recall=' evaluate --fail-under = macro
	offers 'model.onnx' evaluate --compare = m
	offers 'a file' -o a
	offers '' --lr = 0
} | report 'values of options'
if zsh -c : 2>/dev/null; then
	zsh -n own.zsh 2>&1 | report 'zsh can read its file'
fi
plan
