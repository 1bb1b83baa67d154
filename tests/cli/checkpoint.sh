#!/bin/sh
# Checkpoints: a run that is killed or stopped and resumed is the run without the interruption.
. "$srcdir/tests/cli/lib.sh"

plain | helper model m.onnx
helper npz d.npz x/float32/240,4/random labels/int64/240/mod:3

# ---- killed at random instants ----

# outputs FOLDER: what a run left that must be the same, without times.
outputs()
{
	cksum <"$1/o.onnx"
	sed 's/,"samples_per_second":[^}]*//' "$1/l.jsonl"
	sed '/"seconds":/d' "$1/r.json"
	cat "$1/out"
}

# life NAME KILLS SEED WORD...: a run in the folder NAME that is killed up to KILLS times, within $ms
# milliseconds at first.
life()
{
	mkdir "$1"
	own_name=$1 own_kills=$2 own_seed=$3
	shift 3
	(
		cd "$own_name" || exit
		"$HELPER" kill "$own_kills" "$own_seed" "$ms" "$ONNXTUNE" ../m.onnx ../d.npz -o o.onnx \
			--log l.jsonl --report r.json --checkpoint ck --resume "$@" >out 2>err
		echo "exit status $?" >>out
	)
}

export OMP_WAIT_POLICY=passive # the program need not start itself again
kills=0 ms=0
for way in '' '--precision fp16 --optimizer sgd --micro-batch 8 --ema 0.9' '--schedule plateau:0.5,0 --lora 2 --distill 0.5' \
	'--clip-norm off --optimizer lion --ema 0.9' '--metric macro_f1 --patience 3 --eval-every 4 --keep-best'; do
	settings="--steps 41 --checkpoint-every 3 --lr 0.1 $way"
	begun=$(date +%s%N)
	life whole 0 0 $settings
	ms=$((($(date +%s%N) - begun) / 2000000))
	seed=1
	while test $kills -lt 13; do
		rm -rf killed
		life killed 13 $seed $settings
		outputs whole >own.whole
		outputs killed | diff own.whole -
		grep -q '^exit status 0$' killed/out || cat killed/err
		kills=$((kills + $(sed -n 's/^killed \([0-9]*\) times/\1/p' killed/err)))
		seed=$((seed + 1))
	done
	ls killed/ck | grep -c '^step' | grep -qx 2 || ls killed/ck
	ls killed/ck | grep -v '^step-[0-9]*\.npz$\|^best\.npz$'
	rm -rf whole killed
	kills=0
done 2>&1 | report 'killed at random instants, the result is the same to the last bit'
unset OMP_WAIT_POLICY

# ---- stopped by a signal ----

# stop NUMBER LINES WORD...: tunes until the log has so many lines, then sends the signal.
stop()
{
	own_number=$1 own_lines=$2
	shift 2
	"$HELPER" stop "$own_number" l.jsonl "$own_lines" "$ONNXTUNE" "$@" >out 2>err
	status=$?
}

usps=$demo/ccexam_usps.onnx
digits=$demo/digits16
run "$usps" "$digits" --steps 40 -o whole.onnx --log whole.jsonl
stop 2 2 "$usps" "$digits" --steps 40 -o "it's.onnx" --log l.jsonl
{
	wanted 130
	steps=$(wc -l <l.jsonl)
	test "$steps" -lt 40 || echo 'it was not stopped'
	line=$(sed -n 's/^go on with: //p' err)
	test "$line" = "$ONNXTUNE --resume $usps $digits --steps 40 -o 'it'\''s.onnx' --log l.jsonl" ||
		cat err
	eval "$line" >out 2>err
	status=$?
	wanted 0
	grep -q "^it's.onnx.checkpoint: goes on after step $steps\$" err || cat err
	cmp whole.onnx "it's.onnx"
	sed 's/,"samples_per_second.*//' whole.jsonl >own.whole
	sed 's/,"samples_per_second.*//' l.jsonl | cmp own.whole -
	test ! -e "it's.onnx.checkpoint" || ls "it's.onnx.checkpoint"
} 2>&1 | report 'the command line that goes on after SIGINT'

rm -f l.jsonl
stop 15 2 "$usps" "$digits" --steps 40 -o off.onnx --log l.jsonl --checkpoint off
{
	wanted 143
	grep '^go on with' err
	ls -d ./*checkpoint* 2>/dev/null
} | report 'no checkpoint where none is wished'

# ---- which runs have them ----

run m.onnx d.npz --steps 30 --checkpoint-every 1 -o short.onnx
{
	wanted 0
	ls -d short.onnx.checkpoint 2>/dev/null
} | report 'a run of less than five minutes has none that nobody asked for'
rm -f l.jsonl
stop 9 8 "$usps" "$digits" --steps 10000000 --checkpoint-every 3 -o long.onnx --log l.jsonl --quiet
{
	wanted 137
	ls long.onnx.checkpoint | grep -q 'step-00000000000[36].npz' || ls long.onnx.checkpoint
} 2>&1 | report 'a run that will take longer has'

# ---- what is refused ----

run m.onnx d.npz --steps 20 --checkpoint ck --checkpoint-every 5 --keep 3 -o o.onnx --freeze b
{
	wanted 0
	test "$(ls ck | tr '\n' ' ')" = 'step-000000000010.npz step-000000000015.npz step-000000000020.npz ' ||
		ls ck
} | report 'the newest are kept'

again="m.onnx d.npz --steps 20 -o o.onnx --checkpoint ck --freeze b"
refuses 2 'onnxtune: --checkpoint=ck: has checkpoints of a run; go on from them with --resume, or replace them with --force' \
	$again | report 'checkpoints of another run'
refuses 2 'onnxtune: --resume=ck: --lr is 0.5, but the checkpoint was made with default' $again --resume --lr 0.5 |
	report 'another option'
refuses 2 'onnxtune: --resume=ck: --train is w, but the checkpoint was made with none' $again --resume --train w |
	report 'an option that is new'
refuses 2 'onnxtune: --resume=ck: --freeze is not given, but the checkpoint was made with b' m.onnx d.npz --steps 20 \
	-o o.onnx --checkpoint ck --resume | report 'an option that is gone'
refuses 2 'onnxtune: --resume=ck: the micro-batch is 8, but the checkpoint was made with 32; give --micro-batch=32' \
	$again --resume --micro-batch 8 | report 'another micro-batch'
refuses 2 'onnxtune: --resume=a and --checkpoint=b are two folders, a run has one: leave one of them out; *' \
	m.onnx d.npz --resume=a --checkpoint b | report 'two folders'
refuses 2 'onnxtune: --resume needs the checkpoints that --checkpoint=off does without: leave one of them out; *' \
	m.onnx d.npz --resume --checkpoint off | report 'none and one'

plain | sed 's/float32 4,3/float32 4,3 mod:5/' | helper model other.onnx
refuses 1 'onnxtune: --resume=ck: other.onnx: is not the model that the checkpoint is of' other.onnx d.npz \
	--steps 20 --freeze b -o o.onnx --resume=ck | report 'another model'
helper npz e.npz x/float32/240,4/mod:7 labels/int64/240/mod:3
refuses 1 "onnxtune: --resume=ck: e.npz: array 'x' changed since the checkpoint was made" m.onnx e.npz \
	--steps 20 --freeze b -o o.onnx --resume=ck | report 'other data'
helper pictures pictures 3 8 16 16
plain | sed 's/N,4/N,1,16,16/; s/^tensor w.*/tensor w float32 256,3/; s/^node Gemm.*/node Flatten f x -> y\nnode Gemm fc y w b -> logits/' |
	helper model p.onnx
run p.onnx pictures --steps 4 -o p.tuned.onnx --checkpoint pk
{
	wanted 0
	run p.onnx pictures --steps 4 -o p.tuned.onnx --checkpoint pk --resume --quiet --decoders 1
	wanted 0 ''
	touch pictures/c1/3.png
} | report 'pictures, and options that change nothing'
refuses 1 'onnxtune: --resume=pk: pictures: c1/3.png changed since the checkpoint was made' p.onnx pictures \
	--steps 4 -o p.tuned.onnx --resume=pk | report 'a picture that changed'
rm pictures/c1/3.png
refuses 1 'onnxtune: --resume=pk: pictures: has 23 files or arrays, but 24 when the checkpoint was made' p.onnx pictures \
	--steps 4 -o p.tuned.onnx --resume=pk | report 'a picture that is gone'

run $again --resume --keep 1 # complete: but for what is too many, nothing is done
{
	wanted 0
	test "$(ls ck | tr '\n' ' ')" = 'step-000000000020.npz ' || ls ck
} | report 'a complete run leaves as many as it should'

cp o.onnx own.good
run $again --force
{
	wanted 0
	test "$(ls ck | tr '\n' ' ')" = 'step-000000000020.npz ' || ls ck
	cmp o.onnx own.good
} | report 'a run that replaces them'

# ---- damaged ones ----

run $again --resume --checkpoint-every 5 # complete: nothing is done
run $again --force --checkpoint-every 5
printf 'x' | dd of=ck/step-000000000020.npz bs=1 seek=700 conv=notrunc 2>/dev/null
run $again --resume
{
	wanted 0
	grep -q '^warning: ck/step-000000000020.npz: .*checksum does not match.*; the one before it is taken$' err || cat err
	grep -q '^ck: goes on after step 15$' err || cat err
	cmp o.onnx own.good
} | report 'a checkpoint with a wrong byte'
for f in ck/*; do
	head -c 1000 "$f" >torn
	cp torn "$f"
done
refuses 1 'onnxtune: ck: none of the checkpoints can be read' $again --resume | report 'torn ones'

run m.onnx d.npz --steps 20 --log l.jsonl --checkpoint lk -o o.onnx
head -n 19 l.jsonl >own.l
cp own.l l.jsonl
refuses 1 'onnxtune: l.jsonl: is shorter than when the checkpoint was made: put the file back, or give another --log' \
	m.onnx d.npz --steps 20 --log l.jsonl --resume=lk -o o.onnx | report 'a log that was cut'

run m.onnx d.npz --steps 20 -o o.onnx --resume=none
{
	wanted 0
	grep -q '^none: has no checkpoint yet, the run begins$' err || cat err
} | report 'nothing to go on from'
touch file
refuses 1 "onnxtune: file: is no folder" m.onnx d.npz --checkpoint file |
	report 'a folder that is a file'

plan
