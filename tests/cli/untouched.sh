#!/bin/sh
# --steps 0 gives every bundled model back byte for byte, with its external data.
. "$srcdir/tests/cli/lib.sh"
top=$(realpath "$cli/../..")
mkdir tuned

# untouched MODEL DATA OPTION...: one test.
untouched()
{
	model=$1
	data=$2
	shift 2
	output=tuned/$(basename "$model")
	run "$model" "$data" --steps 0 -o "$output" --force "$@"
	{
		wanted 0
		test "$(tail -n 1 out)" = "$output" || echo "the last line is not $output"
		cmp "$output" "$model"
		test ! -e "${model%.onnx}.data" || cmp "${output%.onnx}.data" "${model%.onnx}.data"
	} 2>&1 | report "${model#"$top"/}"
}

set -- "$top"/models/*/model.onnx "$top"/models/*/variants/*.onnx
plan $(($# + 2))
for m; do
	folder=$(dirname "${m%/variants/*}/x")
	test -e "$folder/data.npz" || folder=$(dirname "$m")
	mkdir data
	cp "$folder/data.npz" data/train.npz
	cp "$folder/data.npz" data/val.npz
	untouched "$m" data
	rm -r data
done

demo=$top/data/demo
untouched "$demo/ccexam_usps.onnx" "$demo/digits16"

# Four images of each part and class.
tar -xf "$demo/orient-scripts.tar"
for class in orient-scripts/*/*; do
	mkdir -p "images/${class#*/}"
	find "$class" -type f | sort | head -n 4 | while read -r f; do cp "$f" "images/${class#*/}"; done
done
untouched "$demo/ppocr_cls.onnx" images --image-size 48x192 --resize pad:left --channels grey \
	--mean 0.5 --std 0.5
