#!/bin/sh
# Data that is missing, damaged, or not what the model takes.
. "$srcdir/tests/cli/lib.sh"

plain | helper model m.onnx

# arrays ARRAY...: data in d.npz.
arrays()
{
	helper npz d.npz "$@"
}

# says NAME TEXT WORD...: what tuning on d.npz, or other data at the end of the words, ends with.
says()
{
	own_name=$1 own_text="onnxtune: $2"
	shift 2
	test $# -gt 0 || set -- d.npz
	refuses 1 "$own_text" m.onnx "$@" -o o.onnx | report "$own_name"
}

x=x/float32/24,4/random
labels=labels/int64/24/mod:3

# ---- what is there ----

says 'no data' 'none: there is no such file or folder' none
mkdir folder
says 'an empty folder' 'folder: the folder is empty' folder
mkdir folder/a folder/b
says 'empty class folders' 'folder: no JPEG, PNG or WebP images in class folders (folder/CLASS/x.png)' folder
rm -r folder
says 'a file that is no data' 'm.onnx: data is a folder of images, an .npz or .csv file, or *' m.onnx
mkdir folder
ln -s nowhere folder/train.npz
says 'a link to nothing' 'folder/train.npz: No such file or directory' folder
rm -r folder
mkdir -p folder/train.npz
says 'a folder that is named as a file' 'folder/train.npz: the folder is empty' folder
rm -r folder
arrays $x $labels
mkdir folder
cp d.npz folder/val.npz
says 'no part to train on' "folder: there is a part 'val', but none named 'train'" folder
cp d.npz folder/train.npz
says 'a part of another name' "folder: there is no part named 'night'" folder --split night
helper npz folder/val.npz x/float32/24,5/random $labels
says 'a validation part of another shape' "folder/val.npz: 'x': has shape 24x5, but the model takes ?x4 (samples first)" folder
says 'validation data that is not there' 'none: there is no such file or folder' d.npz --validation none
rm -r folder

# ---- damaged arrays ----

cp d.npz good.npz
: >d.npz
says 'an empty file' 'd.npz: not a NumPy array'
for n in 10 100 300 500; do
	head -c $n good.npz >d.npz
	refuses 1 'onnxtune: d.npz: damaged zip archive: *' m.onnx d.npz -o o.onnx
done | report 'arrays that are cut'
cp good.npz d.npz
printf 'U' | dd of=d.npz bs=1 seek=200 conv=notrunc 2>own.dd
says 'a wrong byte' "d.npz: 'x': damaged zip archive: the checksum does not match"
rm good.npz

# ---- inputs ----

arrays x/float32/24,4/=1,2,nan $labels
says 'NaN' "d.npz: 'x': sample 0 holds NaN"
arrays x/float32/24,4/=1,2,3,4,5,inf $labels
says 'infinity' "d.npz: 'x': sample 1 holds an infinite number"
arrays x/float32/24,5/random $labels
says 'a wrong shape' "d.npz: 'x': has shape 24x5, but the model takes ?x4 (samples first)"
arrays x/float32/0,4/random labels/int64/0/mod:3
says 'no samples' 'd.npz: 0 samples; *'
arrays a/float32/24,4/random b/float32/24,4/random $labels
says 'no array of the name' "d.npz: there is no array 'x', as the model's input; there are: 'a', 'b', 'labels'"
plain | sed 's/^input x.*/input x int64 N,4\nnode Cast c x -> f to=1/; s/fc x w/fc f w/' | helper model m.onnx
arrays $x $labels
says 'floats for integers' "d.npz: 'x': holds float32, but the model takes int64"
plain | helper model m.onnx

# ---- labels ----

arrays $x
says 'no labels' "d.npz: there is no array 'labels' or 'y' with the targets; there are: 'x'"
arrays $x labels/int64/23/mod:3
says 'too few labels' 'd.npz: the labels have shape 23, but there are 24 samples'
arrays $x labels/int64/24,2/mod:3
says 'labels of a wrong shape' 'd.npz: the labels have shape ?x2, but the loss cross-entropy takes ? (samples first)'
arrays $x labels/int64/24/mod:4
says 'more classes than the model has' 'd.npz: the data has 4 classes, the model tells 3 apart' d.npz --new-head off
arrays $x labels/int64/24/=0,1,2,-3
says 'a negative label' 'd.npz: label -3 of sample 3 is outside 0 to *'
arrays $x labels/int64/24/=1
says 'a single class' "d.npz: all 24 samples are of the single class '1'; there is nothing to tell apart"
arrays $x labels/int64/24/=-1
says 'no label that counts' 'd.npz: all labels are ignored ones'
arrays $x labels/float32/24/mod:3
says 'labels that are floats' 'm.onnx: the model tells classes apart, but the labels are floats: *'
arrays $x labels/float32/24/=0,1.5,2
says 'a label between two classes' 'd.npz: label 1.5 of sample 1 is not a whole number, *' d.npz --loss cross-entropy
arrays $x labels/float32/24/=0,nan
says 'a label that is NaN' 'd.npz: the target of sample 1 is NaN'
arrays x/float32/3,4/random labels/int64/3/mod:3
says 'too few to validate' 'd.npz: 3 samples are too few to take 20 % of each class for validation; *'
arrays $x $labels weights/float32/24/=1,-1
says 'a negative weight' "d.npz: 'weights': the weight of sample 1 is -1"
arrays $x $labels weights/float32/24/=0
says 'no weight' "d.npz: 'weights': all weights are 0"

# ---- losses ----

arrays $x $labels
says 'classes for mse' 'd.npz: the labels have shape ?, but the loss mse takes ?x3 (samples first)' d.npz --loss mse
says 'classes for bce' 'm.onnx: the loss bce takes a target from 0 to 1 for each of the 3 outputs *' d.npz --loss bce
plain | sed 's/^node Softmax.*/node Sigmoid s logits -> probs/' | helper model m.onnx
arrays $x labels/float32/24,2/mod:2
says 'targets for too few outputs' 'd.npz: the labels have shape ?x2, but the loss bce takes ?x3 (samples first)'
arrays $x labels/float32/24,3/=0,1,0,1,2
says 'targets that are no probabilities' 'd.npz: the loss bce takes targets from 0 to 1, sample 1 has 2'
plain | sed 's/w float32 4,3/w float32 4,1/; s/b float32 3/b float32 1/; /Softmax/d; s/^output.*/output logits/' |
	helper model m.onnx
arrays $x $labels
says 'classes for one score' 'm.onnx: the output has a single score, no classes: use --loss bce or mse'
says 'three classes for one sigmoid' 'd.npz: the data has 3 classes, the model tells 2 apart' d.npz --loss bce
{
	plain | sed /^output/d
	echo 'constant one int64 2 =1,-1'
	echo 'node Reshape flat probs one -> all'
	echo 'output all'
} | helper model m.onnx
says 'an output that does not count samples' "m.onnx: output 'all' has shape 1x54 for 18 samples; its first axis must count them"

# ---- names ----

plain | helper model m.onnx
says 'labels that are not there' 'none: No such file or directory' d.npz --labels none
: >names
says 'no names' 'names: no class names' d.npz --labels names
printf 'one\ntwo\n' >names
says 'too few names' 'd.npz: label 2 of sample 2 is outside 0 to 1 *' d.npz --labels names

# ---- pictures ----

{
	plain | sed '/^input/d; s/w float32 4,3/w float32 64,3/; s/fc x w/fc f w/; /^node/d; /^output/d'
	echo 'input x float32 N,1,8,8'
	echo 'node Flatten fl x -> f'
	echo 'node Gemm fc f w b -> logits'
	echo 'output logits'
} | helper model m.onnx

helper pictures folder 1 20 8 8
says 'pictures of a single class' "folder: all 20 samples are of the single class 'c0'; *" folder
helper pictures folder 2 10 8 8
says 'too few class folders' 'folder: the data has 2 classes, the model tells 3 apart' folder --new-head off
helper pictures folder 4 10 8 8
says 'too many class folders' 'folder: the data has 4 classes, the model tells 3 apart' folder --new-head off
rm -r folder
helper pictures folder 3 10 8 8
ln -s .. folder/c0/again
says 'folders without end' 'folder/c0/again/*: folders are nested more than 16 deep' folder
rm folder/c0/again

# Files beside the model, and settings that don't fit.
helper pictures folder 3 10 8 8
echo '{' >preprocessor_config.json
says 'a file beside the model that is no JSON' 'preprocessor_config.json: not JSON: *' folder
echo '{"size": {"height": -1, "width": 5}}' >preprocessor_config.json
says 'a negative size beside the model' "preprocessor_config.json: 'size' is not understood" folder
rm preprocessor_config.json
mkdir preprocessor_config.json
says 'a folder beside the model' 'preprocessor_config.json: is a folder, not a file' folder
says 'a folder as names' 'preprocessor_config.json: is a folder, not a file' folder --labels preprocessor_config.json
says 'a folder as configuration' 'preprocessor_config.json: is a folder, not a file' folder --config preprocessor_config.json
rmdir preprocessor_config.json
for words in '--image-size 9x9' '--channels rgb' '--mean 1,2,3'; do
	refuses 2 "onnxtune: *input 'x'*" m.onnx folder -o o.onnx $words
done | report 'settings that do not fit the input'

# A damaged picture is named, counted and left out.
echo 'no picture' >folder/c1/3.png
run m.onnx folder --steps 1 -o o.onnx
{
	wanted 0
	told
	test "$(grep -c '^warning:' err)" = 1 || cat err
	grep -qx 'warning: folder/c1/3.png: not a JPEG, PNG or WebP file; it is skipped' err || cat err
} | report 'a damaged picture'
rm o.onnx

: >folder/c1/4.png
refuses 1 'onnxtune: folder/c1/*.png: *; this is damaged image number 2 of 30 images, too many to skip' \
	evaluate m.onnx folder | report 'more than one picture in a hundred is damaged'
rm -r folder

# A thousand pictures: up to ten may be damaged, five are named.
mkdir folder
helper pictures folder/train 3 20 8 8
helper pictures folder/val 3 340 8 8
for n in 1 2 3 4 5 6 7 8 9 10; do
	head -c 50 folder/val/c2/$n.png >own.png
	mv own.png folder/val/c2/$n.png
done
run evaluate m.onnx folder
{
	wanted 0
	told
	test "$(grep -c '^warning: folder/val/c2/[0-9]*.png: damaged PNG file: .*; it is skipped$' err)" = 5 ||
		cat err
	grep -qx 'warning: further damaged images are skipped and counted' err || cat err
	grep -q ' 1010$' out || cat out # samples that are left
} | report 'ten damaged pictures'
: >folder/val/c2/11.png
refuses 1 'onnxtune: folder/val/c2/9.png: *; this is damaged image number 11 of 1020 images, too many to skip' \
	evaluate m.onnx folder | report 'eleven damaged pictures'

mkdir folder/val/c2/12.png.d
mv folder/val/c2/12.png folder/val/c2/12.png.d/
rm folder/val/c2/11.png
ln -s nowhere folder/val/c2/11.png
refuses 1 'onnxtune: folder/val/c2/11.png: *' evaluate m.onnx folder |
	report 'a picture that is a link to nothing'

plan
