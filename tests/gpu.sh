#!/bin/sh
# All that a machine with a GPU is asked, in one go: the tests of `make check-gpu`, then the benchmark's
# rows against PyTorch.
#
#   tests/gpu.sh pack           on a machine that can build: build/gpu-pack, programs with the libraries
#                               that the other machine may lack (but for NVIDIA's)
#   tests/gpu.sh [ROW...]       on the machine with the GPU: from build/gpu-pack, or built there if it is
#                               not there; rows of bench/rows.py, `none` for none
#
# Environment: OUT, the folder for logs (else build/gpu-out); SECONDS_LEFT, when the benchmark ends
# (else 540 after the start); SKIP_CHECK, anything: the benchmark alone; CUDA_ARCH, what kernels are packed for (else 90).
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD pack=$PWD/build/gpu-pack
: "${OUT:=$top/build/gpu-out}" "${SECONDS_LEFT:=540}" "${CUDA_ARCH:=90}"
start=$(date +%s)

make_pack()
{
	test -x configure || ./bootstrap >/dev/null || return 1
	mkdir -p build/gpu && cd build/gpu || return 1
	../../configure -q --with-onednn=no --with-cuda-arch="$CUDA_ARCH" ${CC:+"CC=$CC"} >configure.log || return 1
	make -s -j "$(nproc)" >make.log && make -s -j "$(nproc)" gpu-programs >>make.log || return 1
	rm -rf "$pack"
	mkdir -p "$pack/tests/gpu" "$pack/tests/cli" "$pack/lib"
	for f in onnxtune onnxtune_cuda.so tests/cli/helper tests/gpu/test_parity tests/gpu/test_train; do
		strip -g -o "$pack/$f" "$f" || return 1
	done
	# the C library is the other machine's; NVIDIA's are found there
	ldd onnxtune tests/cli/helper tests/gpu/test_train | awk '$3 ~ "^/" { print $3 }' | sort -u |
		grep -Ev '/(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+|cuda|cudnn|cublas|nv)[^/]*)\.so' |
		xargs -r cp -L -t "$pack/lib"
	du -sh "$pack"
}

# Folders of NVIDIA's libraries: the toolkit's and those of Python's packages.
nvidia_folders()
{
	for d in "${CUDA_HOME:-/usr/local/cuda}/lib64" "${CUDA_HOME:-/usr/local/cuda}/lib"; do
		test ! -d "$d" || echo "$d"
	done
	python3 - <<'END' 2>/dev/null
import glob, importlib.util
spec = importlib.util.find_spec("nvidia")
for path in spec.submodule_search_locations if spec else []:
    print("\n".join(sorted(glob.glob(path + "/*/lib"))))
END
}

# The first folder with each library, so that no old one beside it is met.
library_path()
{
	for name in libcudnn.so.9 libcublasLt.so.13 libnvrtc.so.13; do
		nvidia_folders | while read -r d; do test ! -e "$d/$name" || echo "$d"; done | head -1
	done | awk '!seen[$0]++ { printf ":%s", $0 }'
}

if test "${1-}" = pack; then
	make_pack
	exit
fi
mkdir -p "$OUT"
test -x "$pack/onnxtune" || (make_pack) || { cat build/gpu/*.log; exit 1; }
LIBRARIES=$pack/lib$(library_path)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
echo "libraries: $LIBRARIES"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null

status=0
if test -z "${SKIP_CHECK-}"; then
	LD_LIBRARY_PATH=$LIBRARIES sh tests/gpu/check.sh "$pack" 2>&1
	status=$?
	for f in "$pack"/tests/gpu/*.log; do test ! -f "$f" || cp "$f" "$OUT"; done
fi
test $status != 77 || exit 77
echo "$(($(date +%s) - start)) s until here"
test "${1-}" != none || exit $status

# The benchmark, with the program that finds its libraries, as far as the time goes.
cat >"$pack/onnxtune-run" <<END
#!/bin/sh
LD_LIBRARY_PATH=$LIBRARIES exec $pack/onnxtune "\$@"
END
chmod +x "$pack/onnxtune-run"
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
for row in ${*:-lenet resnet50 bert12 vit_b mobilenetv2}; do
	left=$((start + SECONDS_LEFT - $(date +%s)))
	test $left -gt 30 || { echo "no time for $row"; continue; }
	timeout $left sh -c "python3 bench/peers.py export $models ${row%_train} --device cuda &&
		python3 bench/run.py $models $row --device cuda --repeats 1 --python python3 \
			--onnxtune $pack/onnxtune-run" 2>&1 | tee -a "$OUT/bench.log"
done
echo "$(($(date +%s) - start)) s in all"
exit $status
