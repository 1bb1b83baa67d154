#!/bin/sh
# Outputs that can't be written: found before training where that is possible, and when it is not,
# all files are as they were.
. "$srcdir/tests/cli/lib.sh"

plain | helper model m.onnx
helper npz d.npz x/float32/24,4/random labels/int64/24/mod:3
helper npz in.npz x/float32/2,4/random cotangent:probs/float32/2,3/random
full_disk=${HELPER%/*}/full_disk.so

# says STATUS NAME TEXT WORD...
says()
{
	own_status=$1 own_name=$2 own_text="onnxtune: $3"
	shift 3
	refuses "$own_status" "$own_text" m.onnx d.npz "$@" | report "$own_name"
}

# ---- places ----

mkdir folder
touch file
says 1 'a missing folder' "none/o.onnx: can't write: No such file or directory" -o none/o.onnx
says 1 'a folder as output' "folder: can't write: is a folder" -o folder
says 1 'a file as folder' "file/o.onnx: can't write: Not a directory" -o file/o.onnx
says 1 'a device as output' "/dev/null: can't write: not a regular file" -o /dev/null -f
says 1 'a report in a missing folder' "none/r: can't write: No such file or directory" \
	-o o.onnx --report none/r
says 1 'a folder as report' "folder: can't write: is a folder" -o o.onnx --report folder
says 1 'a device as report' "/dev/null: can't write: not a regular file" -o o.onnx --report /dev/null
says 1 'a log in a missing folder' "none/l: can't write: No such file or directory" -o o.onnx --log none/l
says 1 'a folder as log' "folder: can't write: Is a directory" -o o.onnx --log folder
refuses 1 "onnxtune: none/r: can't write: No such file or directory" \
	evaluate m.onnx d.npz --report none/r | report "an evaluation's report in a missing folder"

# ---- what is there already ----

says 1 'an output that exists' 'file: exists, and is no tuned form of this model; replace it with --force' -o file
plain | sed 's/w float32 4,3/w float32 3,4/; s/-> logits/-> logits transB=1/' | helper model other.onnx
says 1 'another model as output' 'other.onnx: exists, and is no tuned form of this model; *' -o other.onnx
ln -s nowhere link
says 1 'a link to nothing as output' 'link: exists, and is no tuned form of this model; *' -o link
rm link
says 2 'the data as output' '--output d.npz would replace the data' -o d.npz -f
says 2 'the model as report' '--report m.onnx would replace the model' -o o.onnx --report m.onnx
says 2 'the model as log' '--log ./m.onnx would replace the model' -o o.onnx --log ./m.onnx
ln m.onnx link
says 2 'another name of the model as log' '--log link would replace the model' -o o.onnx --log link
rm link
says 2 'the output as report' '--report ./o.onnx would replace the output' -o o.onnx --report ./o.onnx
says 2 'the output as log' '--log o.onnx would replace the output' -o o.onnx --log o.onnx
says 2 'one file for report and log' '--report r would replace the --log' -o o.onnx --report r --log r
printf 'a\nb\nc\n' >names
says 2 'the names as report' '--report names would replace the --labels' -o o.onnx --labels names --report names

cp m.onnx own.model
for output in '' '-o m.tuned.onnx' '-o ./m.tuned.onnx'; do
	run m.onnx d.npz --steps 2 $output
	wanted 0
	cmp m.onnx own.model
done | report 'an output that onnxtune wrote is replaced'
run m.onnx d.npz --steps 2 -f -o file
{
	wanted 0
	cmp -s file m.onnx && echo 'not trained'
	test "$(wc -c <file)" = "$(wc -c <m.onnx)" || echo 'another size'
} | report 'an output is replaced with --force'
cp m.onnx same.onnx
chmod 640 same.onnx
run same.onnx d.npz --steps 2 -o same.onnx
{
	wanted 0
	cmp -s same.onnx m.onnx && echo 'not trained'
	test "$(stat -c %a same.onnx)" = 640 || echo 'another mode'
} | report 'the model itself as output'

# ---- a model with external data ----

printf '%048d' 0 >w.bin
plain | sed 's|^tensor w.*|tensor w float32 4,3 external:w.bin|' | helper model e.onnx
refuses 2 'onnxtune: e.onnx: would replace the model itself, which has external data; *' \
	e.onnx d.npz -o e.onnx -f | report 'external data: the model as output'
refuses 2 "onnxtune: w.bin: would replace the model's data; *" e.onnx d.npz -o w.bin -f |
	report 'external data: the data as output'
refuses 2 "onnxtune: --log w.bin would replace the model's data" e.onnx d.npz --log w.bin |
	report 'external data: the data as log'
touch o.onnx.data
refuses 1 'onnxtune: o.onnx.data: exists, and is no tuned form of this model; *' e.onnx d.npz -o o.onnx |
	report "external data: a file of the output's data exists"
rm o.onnx.data
for n in 1 2; do
	run e.onnx d.npz --steps 2
	wanted 0
	test "$(wc -c <e.tuned.onnx.data)" = 48 || ls -l
	cmp -s e.tuned.onnx.data w.bin && echo 'not trained'
done | report 'external data: an output that onnxtune wrote is replaced'
run e.onnx d.npz --steps 2 -o folder/e.onnx
{
	wanted 0
	test -f folder/w.bin || ls folder
} | report 'external data: in another folder the data keeps its name'

# ---- a disk that fills up ----

# fails NAME TEXT WORD...: as the environment says; nothing may have changed.
fails()
{
	own_name=$1 own_text="onnxtune: $2"
	shift 2
	listing >own.before
	LD_PRELOAD=$full_disk
	FULL_PREFIX=$work/folder/
	ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
	export LD_PRELOAD FULL_PREFIX ASAN_OPTIONS
	"$ONNXTUNE" "$@" >out 2>err
	status=$?
	unset LD_PRELOAD
	{
		wanted 1
		case $(told) in
		$own_text) ;;
		*) cat err ;;
		esac
		listing | diff own.before -
	} | report "$own_name"
}

rm -r folder
mkdir folder
cp m.onnx folder
cp e.onnx w.bin folder
size=$(wc -c <m.onnx)
full="can't write: No space left on device"
for n in 0 1 100 $((size - 1)); do
	export FULL_BYTES=$n
	fails "a disk with room for $n bytes" "folder/o.onnx: $full" m.onnx d.npz --steps 2 -o folder/o.onnx
	fails "a disk with room for $n bytes, the model itself" "folder/m.onnx: $full" \
		folder/m.onnx d.npz --steps 2 -o folder/m.onnx
	fails "a disk with room for $n bytes, external data" "folder/o.onnx*: $full" \
		folder/e.onnx d.npz --steps 2 -o folder/o.onnx
done
unset FULL_BYTES
for call in fsync rename; do
	export FULL_CALL=$call
	fails "no room at $call" "folder/o.onnx: $full" m.onnx d.npz --steps 2 -o folder/o.onnx
	fails "no room at $call, the model itself" "folder/m.onnx: $full" \
		folder/m.onnx d.npz --steps 2 -o folder/m.onnx
	fails "no room at $call, external data" "folder/o.onnx*: $full" \
		folder/e.onnx d.npz --steps 2 -o folder/o.onnx
	fails "no room at $call, a report" "folder/r: $full" evaluate m.onnx d.npz --report folder/r
done
unset FULL_CALL

FULL_BYTES=$size
export FULL_BYTES
export FULL_BYTES=10
fails 'no room for the report' "folder/r: $full" evaluate m.onnx d.npz --report folder/r
fails 'no room for arrays' "folder/o.npz: $full" run m.onnx in.npz -o folder/o.npz
fails 'no room for gradients' "folder/o.npz: $full" grad m.onnx in.npz -o folder/o.npz
unset FULL_BYTES

# A real one, where it may be mounted.
mkdir disk
{
	if mount -t tmpfs -o size=8k none disk 2>own.mount; then
		cp "$models/lenet/model.onnx" l.onnx
		run l.onnx "$models/lenet/data.npz" --steps 1 -o disk/o.onnx
		wanted 1
		test "$(told)" = "onnxtune: disk/o.onnx: $full" || cat err
		ls disk
		umount disk
	fi
} | report 'a small file system'

if test -w /dev/full; then
	refuses 1 'onnxtune: /dev/full: *: No space left on device' m.onnx d.npz --steps 2 -o o.onnx --log /dev/full |
		sed '/^Epoch/d'
	run m.onnx d.npz --steps 1 --json -o o.onnx
	"$ONNXTUNE" m.onnx d.npz --steps 1 -f -o o.onnx >/dev/full 2>err
	status=$?
	wanted 1
	test "$(told)" = "onnxtune: standard output: $full" || cat err
fi | report 'a log and a standard output without room'

plan
