#!/bin/sh
# A run that is stopped ends with the step it is in, and writes what it has.
. "$srcdir/tests/cli/lib.sh"

model=$demo/ccexam_usps.onnx
data=$demo/digits16
steady='--schedule constant --warmup 0 --seed 2 --log l.jsonl'

# stop NUMBER WORD...: tunes without end, but for the signal after three steps.
stop()
{
	own_number=$1
	shift
	rm -f l.jsonl
	"$HELPER" stop "$own_number" l.jsonl 3 "$ONNXTUNE" "$model" "$data" --steps 100000 $steady "$@" \
		>out 2>err
	status=$?
	steps=$(wc -l <l.jsonl)
}

stop 2 -o o.onnx --report r.json
{
	wanted 130
	test "$(told)" = "onnxtune: stopped by SIGINT after $steps steps; o.onnx has the weights of the last" ||
		cat err
	test "$(tail -n 1 out)" = o.onnx || tail -n 1 out
	test "$(helper json r.json steps after | tr '\n' ' ')" = "$steps null " || cat r.json
	run "$model" "$data" --steps "$steps" $steady -o same.onnx
	cmp o.onnx same.onnx
} 2>&1 | report 'SIGINT'

stop 15 -f -o o.onnx --json --quiet
{
	wanted 143 "onnxtune: stopped by SIGTERM after $steps steps; o.onnx has the weights of the last
go on with: $ONNXTUNE --resume $model $data --steps 100000 $steady -f -o o.onnx --json --quiet"
	helper json out before output >own.keys
} 2>&1 | report 'SIGTERM'

mkdir folder
export FULL_PREFIX="$work/folder/" FULL_BYTES=1000 LD_PRELOAD="${HELPER%/*}/full_disk.so"
export ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0"
stop 2 -o folder/o.onnx
unset LD_PRELOAD
{
	wanted 1
	test "$(told)" = "onnxtune: folder/o.onnx: can't write: No space left on device" || cat err
	ls folder
} | report 'a signal, and no room for what was trained'

rm -r o.onnx o.onnx.checkpoint
stop 9 -o o.onnx
{
	wanted 137
	ls | grep onnx | grep -v same.onnx
} | report 'SIGKILL leaves no file behind'

plan
