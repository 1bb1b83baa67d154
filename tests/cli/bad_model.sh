#!/bin/sh
# Models that are damaged, hostile, or beyond what the program can do: a line for each problem.
. "$srcdir/tests/cli/lib.sh"

helper npz d.npz x/float32/24,4/random labels/int64/24/mod:3

# refused NAME PATTERN: the model that standard input describes.
refused()
{
	helper model m.onnx
	refuses 1 "$2" m.onnx d.npz -o o.onnx | report "$1"
}

# says NAME TEXT: the same, for one message about the model.
says()
{
	refused "$1" "onnxtune: m.onnx: $2"
}

plain | helper model m.onnx
run m.onnx d.npz --steps 2 -o good.onnx
wanted 0 | report 'a good model'
rm -f good.onnx

# ---- damaged files ----

size=$(wc -c <m.onnx)
mv m.onnx good.onnx
n=0
while test $n -lt "$size"; do
	head -c $n good.onnx >m.onnx
	refuses 1 'onnxtune: m.onnx: *' m.onnx d.npz -o o.onnx
	n=$((n + 5))
done | report 'a model that is cut'

for n in 0 1 100 3000 600000 607229; do
	head -c $n "$demo/ccexam_usps.onnx" >m.onnx
	refuses 1 'onnxtune: m.onnx: *' m.onnx d.npz -o o.onnx
done | report 'a large model that is cut'

# Whatever comes of a changed byte, it is no crash.
n=0
while test $n -lt "$size"; do
	for byte in '\000' '\200' '\377'; do
		cp good.onnx m.onnx
		printf "$byte" | dd of=m.onnx bs=1 seek=$n conv=notrunc 2>own.dd
		run m.onnx d.npz --steps 1 -f -o o.onnx
		case $status in
		0 | 1) ;;
		*)
			echo "byte $n as $byte: status $status"
			cat err
			;;
		esac
	done
	n=$((n + 7))
done | report 'a model with wrong bytes'
rm -f good.onnx o.onnx

cp d.npz m.onnx
refuses 1 'onnxtune: m.onnx: not an ONNX file, or a damaged one: *' m.onnx d.npz |
	report 'no model at all'
rm m.onnx
refuses 1 'onnxtune: m.onnx: No such file or directory' m.onnx d.npz | report 'a missing model'
ln -s nowhere m.onnx
refuses 1 'onnxtune: m.onnx: No such file or directory' m.onnx d.npz |
	report 'a link to a missing model'
rm m.onnx
mkdir folder
refuses 1 'onnxtune: folder: is a folder, not a file' folder d.npz | report 'a folder as a model'
refuses 1 'onnxtune: /dev/zero: not a regular file' /dev/zero d.npz -o o.onnx |
	report 'a device as a model'

# ---- hostile structure ----

{ plain; echo 'nest deep 200'; } |
	says 'subgraphs in subgraphs' '*messages are nested over 100 deep*'
plain | sed 's/^node Gemm.*/node Add one two b -> a\nnode Add two a b -> two\nnode Gemm fc x w two -> logits/' |
	says 'a cycle' "node 'two' (Add): input 'a' is made from the node's own output: a cycle"
plain | sed 's/^node Gemm.*/node Add one one b -> one\nnode Gemm fc x w one -> logits/' |
	says 'a node that needs itself' "node 'one' (Add): input 'one' is made from the node's own output: a cycle"
plain | sed 's/ b -> / nope -> /' |
	says 'an input that nothing defines' "node 'fc' (Gemm): input 'nope' is never defined"
plain | sed 's/^output.*/output nope/' |
	says 'an output that nothing defines' "output 'nope' is never defined"
plain | sed /^output/d | says 'no output' 'the model has no output'
plain | sed /^input/d | says 'no input' "node 'fc' (Gemm): input 'x' is never defined"
{ plain; echo 'tensor w float32 4,3'; } |
	says 'two initializers of one name' "value 'w' is defined twice"
{ plain; echo 'node Relu r logits -> probs'; } |
	says 'two nodes that make one value' "value 'probs' is defined twice"
plain | sed 's/Gemm fc/Gemm f%0aonnxtune:%20%1b[31m/; s/ b -> / nope -> /' |
	says 'control characters in a name' "node 'f?onnxtune: ?\[31m' (Gemm): input 'nope' is never defined"

plain | sed 's/ b -> / %ff%c2%9b%e2%98%83 -> /' |
	says 'bytes that are no text' "node 'fc' (Gemm): input '???$(printf '\342\230\203')' is never defined"

# ---- tensors ----

plain | sed 's/^tensor w.*/tensor w float32 4611686018427387904,4611686018427387904 bytes:48/' |
	says 'dimensions that overflow' "tensor 'w': shape * is too large"
plain | sed 's/^tensor w.*/tensor w float32 -4,3 bytes:48/' |
	says 'a negative dimension' "tensor 'w': dimension 0 is -4"
plain | sed 's/^tensor w.*/tensor w float32 1000000,1000000 bytes:48/' |
	says 'a tensor larger than the file' "tensor 'w': raw_data has 48 bytes, 4000000000000 are asked for *"
plain | sed 's/^tensor w.*/tensor w float32 4,3 bytes:47/' |
	says 'a tensor that is too short' "tensor 'w': raw_data has 47 bytes, 48 are asked for *"
plain | sed 's/^tensor w.*/tensor w 99 4,3 bytes:48/' |
	says 'an unknown element type' "tensor 'w': element type 99 is not known"
plain | sed 's/^tensor w.*/tensor w float32 1,1,1,1,1,1,1,4,3 bytes:48/' |
	says 'too many dimensions' "tensor 'w': has 9 dimensions, more than 8"
plain | sed 's/^tensor w.*/tensor w int32 4,3 =1/' |
	says 'weights of a wrong type' "node 'fc' (Gemm): inputs are float32, int32 and float32"
plain | sed 's/^tensor w.*/tensor w float32 5,3/' |
	says 'weights of a wrong shape' "node 'fc' (Gemm): *"
plain | sed 's/^input x.*/input x float32 none/' |
	says 'an input without a rank' "input 'x' has no rank of at most 8"
plain | sed 's/^input x.*/input x sequence none/' |
	says 'an input that is a sequence' "input 'x' is no tensor"
plain | sed 's/^input x.*/input x float32 N,4611686018427387904,4611686018427387904/' |
	refused 'an input of impossible size' "onnxtune: d.npz: 'x': has shape 24x4, but the model takes *"
{ plain; echo sparse; } | says 'sparse initializers' 'sparse initializers are not supported'

{ plain | sed /^output/d; printf 'constant s int64 2 =1099511627776,3\nnode Expand e probs s -> big\noutput big\n'; } |
	says 'a shape that would fill the memory' "node 'e' (Expand): *"
{ plain | sed /^output/d; printf 'constant s int64 1 =1000000000000\nnode ConstantOfShape c s -> big\nnode Add a b big -> sum\nnode Add d probs sum -> end\noutput end\n'; } |
	says 'a constant that would fill the memory' "node 'a' (Add): *"

# ---- external data ----

printf '%048d' 0 >inside.bin
printf '%048d' 0 >../outside.$$
trap 'rm -rf "$work" "$work/../outside.$$"' EXIT

# external NAME PLACE PATTERN
external()
{
	plain | sed "s|^tensor w.*|tensor w float32 4,3 external:$2|" |
		says "external data: $1" "tensor 'w': $3"
}

external 'outside the folder' "../outside.$$" "* is not a file in the model's folder or below"
external 'an absolute path' "$work/inside.bin" "* is not a file in the model's folder or below"
ln -s "../outside.$$" link.bin
external 'a link' link.bin "* lies behind a link; *"
rm link.bin
ln -s .. up
external 'a folder that is a link' "up/outside.$$" "* lies behind a link; *"
rm up
ln inside.bin hard.bin
external 'a second hard link' hard.bin '* has 2 hard links, *'
rm hard.bin
external 'missing' none.bin "external data 'none.bin': No such file or directory"
external 'a folder' folder '*folder: is a folder, not a file'
mkfifo pipe
external 'a pipe' pipe '*pipe: not a regular file'
rm pipe
external 'too short' inside.bin:1 "external data 'inside.bin' has 48 bytes, 48 from byte 1 on are asked for"
external 'a negative offset' inside.bin:-1 "external data: offset '-1' is not a number"
external 'an offset past all numbers' inside.bin:99999999999999999999 "external data: offset '*' is not a number"
external 'a wrong length' inside.bin:0:44 'external data has 44 bytes, type and shape ask for 48'
external 'no location' '' 'external data without location'

# ---- what is not supported ----

plain | sed 's/^opset 13/opset 6/' | says 'an old opset' 'opset 6 is older than 7: *'
plain | sed /^opset/d | says 'no opset' 'no opset of ai.onnx is imported'
{ plain; echo 'ir 2'; } | says 'an old IR version' 'IR version 2 is older than 3'
{ plain | sed 's/^opset 13/opset 99/'; echo 'ir 99'; } | helper model m.onnx
run m.onnx d.npz --steps 1 -f -o o.onnx
wanted 0 | report 'versions of the future, as long as the operators are known'
rm -f o.onnx

plain | sed 's/Softmax prob/Frobnicate prob/' |
	says 'an unknown operator' "node 'prob' (Frobnicate): this operator is not supported"
plain | sed 's/Softmax prob/Softmax@com.example prob/' |
	says 'an operator of another domain' "node 'prob' (com.example.Softmax): this operator is not supported"
plain | sed 's/Gemm fc/SGD@onnxtune fc/' |
	says 'an operator of ours' "node 'fc' (onnxtune.SGD): this operator is not supported"
{ plain | sed 's/Softmax prob/F@local prob/'; echo 'function local F'; } |
	says 'a function of the model' "node 'prob' (local.F): this operator is not supported"
plain | sed 's/ b -> logits/ b -> logits foo=1/' |
	says 'an unknown attribute' "node 'fc' (Gemm): attribute 'foo' is not known"
plain | sed 's/ b -> logits/ b -> logits alpha=1/' |
	says 'an attribute of a wrong type' "node 'fc' (Gemm): attribute 'alpha' has the wrong type"
plain | sed 's/axis=1/axis=2/' |
	says 'an axis that is not there' "node 'prob' (Softmax): axis 2 is outside rank 2"
plain | sed 's/prob logits ->/prob ->/' |
	says 'a missing argument' "node 'prob' (Softmax): input 0 (input) is missing"
plain | sed 's/fc x w b/fc x w b b/' |
	says 'too many arguments' "node 'fc' (Gemm): 4 inputs are too many"

{
	plain | sed /^output/d
	echo 'node If a probs -> c then_branch={} else_branch={}'
	echo 'node Loop b c -> d body={}'
	echo 'node Scan s d -> e body={}'
	echo 'output e'
} | says 'control flow' "node 'a' (If): this operator is not supported
onnxtune: m.onnx: node 'b' (Loop): this operator is not supported
onnxtune: m.onnx: node 's' (Scan): this operator is not supported"

{
	plain | sed /^output/d
	echo 'node Unknown0 n0 probs -> v0'
	for n in $(seq 24); do
		echo "node Unknown$n n$n v$((n - 1)) -> v$n"
	done
	echo 'output v24'
} | helper model m.onnx
run m.onnx d.npz -o o.onnx
{
	wanted 1
	for n in $(seq 0 19); do
		echo "onnxtune: m.onnx: node 'n$n' (Unknown$n): this operator is not supported"
	done >own.wanted
	echo 'onnxtune: and 5 more problems' >>own.wanted
	told | diff own.wanted -
} | report 'more problems than are shown'

{
	plain | sed 's/ b -> logits/ nope -> logits/; s/^tensor w.*/tensor w 99 4,3 bytes:48/'
	echo 'output none'
} | says 'all problems of one model' "tensor 'w': element type 99 is not known
onnxtune: m.onnx: node 'fc' (Gemm): input 'nope' is never defined
onnxtune: m.onnx: output 'none' is never defined"

plain | sed 's/^node Gemm.*/node Add fc x b -> logits/; s/^tensor b.*/tensor b float32 4 =nan/; /^tensor w/d' |
	says 'nothing to train' 'nothing to train: *'

# ---- the other commands ----

# everywhere NAME PATTERN: what each command says of m.onnx.
everywhere()
{
	helper npz in.npz x/float32/2,4/random cotangent:probs/float32/2,3/random
	for command in 'evaluate m.onnx d.npz' 'run m.onnx in.npz' 'grad m.onnx in.npz' \
		'gradcheck m.onnx d.npz' 'gradcheck m.onnx'; do
		refuses 1 "onnxtune: m.onnx: $2" $command >own.problems
		test ! -s own.problems || {
			echo "$command:"
			cat own.problems
		}
	done | report "every command: $1"
	run inspect m.onnx
	{
		wanted 1
		case $(cat out err) in
		*"m.onnx: "$2*) ;;
		*) cat out err ;;
		esac
	} | report "inspect: $1"
}

plain | helper model good.onnx
head -c 150 good.onnx >m.onnx
everywhere 'a model that is cut' 'not an ONNX file, or a damaged one: *'
rm m.onnx
everywhere 'a missing model' 'No such file or directory'
plain | sed 's/ b -> / nope -> /' | helper model m.onnx
everywhere 'an input that nothing defines' "node 'fc' (Gemm): input 'nope' is never defined"
plain | sed "s|^tensor w.*|tensor w float32 4,3 external:../outside.$$|" | helper model m.onnx
everywhere 'external data outside the folder' "tensor 'w': *"
plain | sed 's/^tensor w.*/tensor w float32 1000000,1000000 bytes:48/' | helper model m.onnx
everywhere 'a tensor larger than the file' "tensor 'w': *"

plain | sed 's/Softmax prob/If prob/; s/axis=1/then_branch={} else_branch={}/' | helper model m.onnx
for command in 'evaluate m.onnx d.npz' 'run m.onnx in.npz' 'gradcheck m.onnx d.npz'; do
	refuses 1 "onnxtune: *node 'prob' (If): this operator is not supported" $command
done | report 'every command: control flow'
rm good.onnx in.npz

# ---- odd, but right ----

{ plain; echo 'node If dead probs -> c then_branch={}'; } | helper model m.onnx
run m.onnx d.npz --steps 1 -o o.onnx
{
	wanted 0
	told
} | report 'an unknown operator that no output needs'
rm o.onnx

# The nodes in the opposite order: 5000 of them, which a sort in square time would feel.
{
	plain | sed '/^output/d; /^node/d'
	for n in $(seq 5000 -1 1); do
		echo "node Relu n$n v$((n - 1)) -> v$n"
	done
	echo 'node Gemm fc x w b -> v0'
	echo 'output v5000'
} | helper model m.onnx
run m.onnx d.npz --steps 1 -o o.onnx
{
	wanted 0
	told
} | report 'nodes in the opposite order'

plan
