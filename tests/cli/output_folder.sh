#!/bin/sh
# -o DIR/: the model as DIR/model.onnx, with config.json and preprocessor_config.json beside it.
. "$srcdir/tests/cli/lib.sh"

{
	plain | sed '/^input/d; s/w float32 4,3/w float32 192,3/; s/fc x w/fc f w/; /^node/d; /^output/d'
	echo 'input x float32 N,3,8,8'
	echo 'node Flatten fl x -> f'
	echo 'node Gemm fc f w b -> logits'
	echo 'output logits'
} | helper model m.onnx
mkdir folder
helper pictures folder/train 4 10 12 12
helper pictures folder/val 4 5 12 12

# beside NAME OPTION...: what a run says of its pictures and classes, evaluation of what it wrote says
# as well, without the options.
beside()
{
	own_name=$1
	shift
	rm -rf out.d
	run m.onnx folder --steps 2 -o out.d/ --report t.json "$@"
	{
		wanted 0
		test "$(tail -n 1 out)" = out.d/model.onnx || tail -n 1 out
		ls out.d | tr '\n' ' ' | grep -qx 'config.json model.onnx preprocessor_config.json ' || ls out.d
		run evaluate out.d/model.onnx folder --report e.json
		wanted 0
		test "$(helper json e.json evaluation.classes)" = '["c0","c1","c2","c3"]' || cat err
		for key in size resample channels range; do
			own_t=$(helper json t.json "preprocessing.$key.value")
			own_e=$(helper json e.json "preprocessing.$key.value")
			test "$own_t" = "$own_e" || echo "$key: $own_t, read back as $own_e"
		done
		# one number for three channels is written thrice: the result tells
		test "$(helper json t.json after.loss)" = "$(helper json e.json evaluation.loss)" || cat e.json err
	} 2>&1 | report "$own_name"
}

beside 'as it is'
{
	test "$(helper json out.d/config.json id2label label2id num_labels | tr '\n' ' ')" = \
		'{"0":"c0","1":"c1","2":"c2","3":"c3"} {"c0":0,"c1":1,"c2":2,"c3":3} 4 ' || cat out.d/config.json
} | report 'config.json'
beside 'a range' --range -1-1
beside 'another range' --range 0-255 --mean 100,110,120 --std 50
beside 'mean and std' --mean 0.5 --std 0.1,0.2,0.3
beside 'bgr' --channels bgr
beside 'a crop' --resize crop

run m.onnx folder --steps 2 -o pad.d/ --resize pad
{
	wanted 0
	test "$(grep -c 'preprocessor_config.json is not written' err)" = 1 || cat err
	test ! -e pad.d/preprocessor_config.json || echo 'it is written'
} 2>&1 | report 'what the file cannot tell'

# The original's files: what is not of the classes or pictures stays.
mkdir there
cp m.onnx there
cat >there/config.json <<-'END'
	{"architectures": ["Net"], "id2label": {"0": "c1", "1": "x", "2": "c0"}, "label2id": {"c1": 0}, "num_labels": 3, "f": 0.1}
END
cat >there/preprocessor_config.json <<-'END'
	{"image_processor_type": "P", "do_resize": true, "size": {"height": 8, "width": 8}, "image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]}
END
run there/m.onnx folder --steps 1 -o new.d/
{
	wanted 0
	grep -q 'kept are the rows of 2 classes' err || cat err
	test "$(helper json new.d/config.json architectures f num_labels | tr '\n' ' ')" = '["Net"] 0.1 4 ' ||
		cat new.d/config.json
	test "$(helper json new.d/preprocessor_config.json image_processor_type image_mean | tr '\n' ' ')" = \
		'"P" [0.1,0.2,0.3] ' || cat new.d/preprocessor_config.json
} 2>&1 | report "the original's files"
{
	run there/m.onnx folder --steps 1 -o new.d/
	wanted 0
} | report 'again: it is a tuned form'

helper npz d.npz x/float32/24,3,8,8/random labels/int64/24/mod:3
run m.onnx d.npz --steps 1 -o arrays.d/
{
	wanted 0
	ls arrays.d | tr '\n' ' ' | grep -qx 'config.json model.onnx ' || ls arrays.d
} | report 'arrays have no pictures'

# ---- what is refused ----

mkdir other
echo '{}' >other/config.json
refuses 1 'onnxtune: other/config.json: exists, and beside it is no tuned form of this model; replace it with --force' \
	m.onnx folder -o other/ | report "someone else's config.json"
run m.onnx folder --steps 1 -o other/ --force
{
	wanted 0
} | report 'with --force'
refuses 1 'onnxtune: none/new/: can*t make the folder: No such file or directory' m.onnx folder -o none/new/ |
	report 'a folder in one that is not there'
refuses 1 'onnxtune: m.onnx/model.onnx: can*t write: Not a directory' m.onnx folder -o m.onnx/ | report 'a file'
refuses 2 'onnxtune: --output folder/ would replace the data' m.onnx folder -o folder/ | report 'the data'
{
	refuses 1 'onnxtune: *' m.onnx folder -o made.d/ --log none/log
	test ! -e made.d || echo 'the folder is left'
} | report 'a folder that was made in vain'

plan
