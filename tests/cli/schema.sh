#!/bin/sh
# All JSON documents are as docs/schema.json says.
. "$srcdir/tests/cli/lib.sh"

schema=$(realpath "$cli/../../docs/schema.json")
model=$models/mlp/model.onnx
data=$models/mlp/data.npz

# document NAME WORD...: what the command prints with --json is of the schema.
document()
{
	own_name=$1
	shift
	run "$@" --json
	mv out "$own_name.json"
	{
		wanted 0
		head -2 "$own_name.json" | tail -1 | grep -vx '  "schema": "onnxtune-document-1",'
		helper schema "$schema" "$own_name.json" 2>&1
	} | report "$own_name"
}

document tune "$model" "$data" -o o.onnx --steps 2 --report r.json
helper schema "$schema" r.json 2>&1 | report 'the file of --report'
document evaluate evaluate "$model" "$data"
document compare evaluate o.onnx "$data" --compare "$model" --atol 0.5
document regression evaluate "$models/mlp_mse/model.onnx" "$models/mlp_mse/data.npz"
document inspect inspect "$model"
document gradcheck gradcheck "$model"
{
	plain | sed 's/^node Softmax.*/node Sigmoid s logits -> probs/' | helper model multi.onnx
	helper npz multi.npz x/float32/12,4/random labels/float32/12,3/mod:2
} && document multi-label evaluate multi.onnx multi.npz

helper pictures photos 3 10 8 8
{
	plain | sed '/^input/d; s/w float32 4,3/w float32 64,3/; s/fc x w/fc f w/; /^node/d; /^output/d'
	echo 'input x float32 N,1,8,8'
	echo 'node Flatten fl x -> f'
	echo 'node Gemm fc f w b -> logits'
	echo 'output logits'
} | helper model images.onnx
document images evaluate images.onnx photos

# The check can fail: each change of a good document makes a bad one.
bad()
{
	sed "$2" "$1.json" >bad.json
	cmp -s "$1.json" bad.json && echo "$2 changes nothing"
	helper schema "$schema" bad.json >/dev/null 2>&1 && echo "$2 is taken"
}
{
	bad tune 's/"onnxtune-document-1"/"onnxtune-document-2"/'
	bad tune 's/"steps": 2/"steps": -1/'
	bad tune 's/"seconds":/"second":/'
	bad tune '0,/"loss": [0-9.]*/s//"loss": "1"/'
	bad tune 's/"precision": 0\(.*\)/"precision": 2/'
	bad compare 's/"beyond": [0-9]*/"beyond": 0.5/'
	bad inspect 's/"trained": true/"trained": 1/'
	bad gradcheck 's/"checks": \[/"check": [/'
} | report 'documents that are not of the schema'
plan
