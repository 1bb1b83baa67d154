#!/bin/sh
# --augment, --mixup, --cutmix: off by default, the same bits whatever decodes, and what it can't be used for.
. "$srcdir/tests/cli/lib.sh"

helper model i.onnx <<'END'
opset 13
input x float32 N,3,8,8
tensor w float32 192,3
tensor b float32 3
node Flatten f x -> y
node Gemm fc y w b -> logits
output logits
END
helper pictures photos 3 30 9 11
list=crop:scale=0.5-1,hflip,rotate,jitter:brightness=0.1,randaugment:num_ops=1:magnitude=3,erase

run i.onnx photos -o plain.onnx --steps 12
wanted 0 | report 'without'
run i.onnx photos -o a.onnx --steps 12 --augment $list
{
	wanted 0
	told
	cmp -s a.onnx plain.onnx && echo 'nothing changed'
} | report 'with all operations'
run i.onnx photos -o b.onnx --steps 12 --augment $list --decoders 3
{
	wanted 0
	cmp a.onnx b.onnx
} | report 'the same bits with decoders'
run i.onnx photos -o c.onnx --steps 12 --augment $list --seed 1
{
	wanted 0
	cmp -s a.onnx c.onnx && echo 'the same'
} | report 'other bits with another seed'

run i.onnx photos -o d.onnx --lr 0.05 --steps 400 --augment crop:scale=0.5-1,hflip,vflip --report r.json
{
	wanted 0
	helper json r.json before.report.accuracy after.report.accuracy | tr '\n' ' ' |
		awk '{ exit !($1 < 0.7 && $2 > 0.9) }' || cat out
} | report 'it learns'

refuses 2 "onnxtune: --augment: 'flip' is no operation; there are crop*" i.onnx photos -o e.onnx --augment flip |
	report 'an operation that there is not'
helper npz d.npz x/float32/24,3,8,8/random labels/int64/24/mod:3
refuses 2 'onnxtune: --augment: the data are arrays; it changes images' \
	i.onnx d.npz -o e.onnx --augment hflip | report 'arrays'

# ---- mixed samples ----

run i.onnx photos -o m.onnx --steps 12 --mixup 0.4 --cutmix 1 --augment hflip
{
	wanted 0
	told
	cmp -s m.onnx plain.onnx && echo 'nothing changed'
} | report 'mixup and cutmix'
run i.onnx photos -o n.onnx --steps 12 --mixup 0.4 --cutmix 1 --augment hflip --decoders 2
{
	wanted 0
	cmp m.onnx n.onnx
} | report 'mixed to the same bits with decoders'

# what is divided equals the whole to rounding
run i.onnx photos -o whole.onnx --steps 6 --mixup 0.8 --batch-size 24
wanted 0 >own.whole
run i.onnx photos -o divided.onnx --steps 6 --mixup 0.8 --batch-size 24 --micro-batch 5
{
	cat own.whole
	wanted 0
	helper distance whole.onnx divided.onnx | awk '{ exit !($1 < 1e-5) }' || helper distance whole.onnx divided.onnx
} | report 'partners in other micro-batches'

run i.onnx photos -o l.onnx --lr 0.05 --steps 400 --mixup 0.2 --cutmix 0.2 --report r.json
{
	wanted 0
	helper json r.json before.report.accuracy after.report.accuracy | tr '\n' ' ' |
		awk '{ exit !($1 < 0.7 && $2 > 0.9) }' || cat out
} | report 'it learns from mixed samples'

run i.onnx d.npz -o a.npz.onnx --steps 3 --mixup 1
wanted 0 | report 'mixup of arrays'
refuses 2 'onnxtune: --cutmix: the data are arrays; it cuts images' i.onnx d.npz -o e.onnx --cutmix 1 \
	--log e.jsonl --log-dir events --checkpoint ck | report 'cutmix of arrays, before anything is written'
refuses 2 "onnxtune: --mixup: '0' *" i.onnx d.npz -o e.onnx --mixup 0 | report 'no alpha'

refuses 2 'onnxtune: --cache-features needs the same input for a sample in every epoch: leave --cutmix out*' \
	i.onnx photos -o e.onnx --cutmix 1 --cache-features exact | report 'cutmix of what is kept'

plan
