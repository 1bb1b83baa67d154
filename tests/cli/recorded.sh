#!/bin/sh
# The reference models (models/README.md) trained by the command: 20 steps must have the losses that
# PyTorch recorded in float64, within ten times what its float32 deviates from them and at least
# 1e-5; fp16 within 5e-3, bf16 within 2e-2, and twice that and a little on a GPU, where the gradients of
# filters are formed in half types. $DEVICE is --device; on the CPU half precision is for tests/e2e but
# for a few runs.
. "$srcdir/tests/cli/lib.sh"
: "${DEVICE:=cpu}"
case $DEVICE in
cpu) fp16=5e-3 bf16=2e-2 ;;
*) fp16=1e-2 bf16=5e-2 ;;
esac

# train PRECISION OPTIMIZER FOLDER FILE WORD...: leaves the losses in l.jsonl and the model in o.onnx.
train()
{
	precision=$1 optimizer=$2 folder=$3 file=$4
	shift 4
	rm -rf data o.onnx l.jsonl
	mkdir data
	cp "$models/$folder/data.npz" data/train.npz
	cp "$models/$folder/data.npz" data/val.npz
	case $optimizer in
	sgd) set -- "$@" --optimizer sgd --lr 0.01 --momentum 0.9 --weight-decay 0 ;;
	adamw) set -- "$@" --optimizer adamw --lr 1e-4 --weight-decay 0.01 --decay-all ;;
	esac
	case $folder in
	resnet_train) set -- "$@" --batch-norm train ;;
	vit*) set -- "$@" --train token --train position ;; # they have the shape of their sum
	esac
	run "$models/$folder/$file" data --device "$DEVICE" --precision "$precision" -o o.onnx --log l.jsonl \
		--steps 20 --batch-size 8 --no-shuffle --schedule constant --warmup 0 --clip-norm off \
		--loss-scale 1024 --new-head off "$@"
}

# recorded LIMIT PRECISION OPTIMIZER FOLDER FILE WORD...: one test.
recorded()
{
	limit=$1
	shift
	name="$1 $2 $3/$4"
	{
		train "$@"
		wanted 0
		test "$status" != 0 || helper losses l.jsonl "$models/$3/expected.npz" "$2" "$limit"
	} 2>&1 | report "$name"
}

for optimizer in sgd adamw; do
	for model in mlp/model.onnx mlp_bce/model.onnx mlp_mse/model.onnx mlp_fp16/model.onnx lenet/model.onnx \
		resnet_frozen/model.onnx resnet_train/model.onnx vit/model.onnx vit_opset13/model.onnx \
		vit_dynamo/model.onnx lstm/model.onnx; do
		recorded 1e-5 fp32 $optimizer "${model%/*}" "${model#*/}"
		case $DEVICE:$optimizer:$model in
		*:sgd:lenet/*) continue ;; # rounding grows to 0.1, in PyTorch's autocast too
		cpu:*:resnet_frozen/*) ;;
		cpu:*) continue ;;
		esac
		recorded $fp16 fp16 $optimizer "${model%/*}" "${model#*/}"
		recorded $bf16 bf16 $optimizer "${model%/*}" "${model#*/}"
	done
done
recorded 1e-5 fp32 sgd lenet_fixed model.onnx --micro-batch 4

{
	train fp16 adamw resnet_train model.onnx
	mv o.onnx first.onnx
	train fp16 adamw resnet_train model.onnx
	wanted 0
	cmp first.onnx o.onnx
} 2>&1 | report 'the same bits twice'

plan
