#!/bin/sh
# The simulated CUDA (tests/cudasim): its headers say what the toolkit's say, it has what the backend
# imports and no more, and the program that is installed can't reach it.
. "$srcdir/tests/lint/lib.sh"
echo 1..4

# Enumerators, macros and declarations of our headers as a C file for the toolkit's. Members of
# structures are compared where ours are smaller by hand.
compared()
{
	echo '#include <cuda_runtime_api.h>'
	echo '#include <cublasLt.h>'
	echo '#include <cudnn.h>'
	echo '#include <nvrtc.h>'
	cat tests/cudasim/include/cuda_runtime_api.h tests/cudasim/include/cublasLt.h \
		tests/cudasim/include/cudnn.h tests/cudasim/include/nvrtc.h 2>/dev/null | awk '
	/VERSION/ && /#define/ { next }
	/^#define (cuda|CUDA|CUBLAS|CUDNN|NVRTC)[A-Za-z0-9_]* [0-9(]/ {
		name = $2
		sub(/^#define [^ ]* /, "")
		print "_Static_assert((long long)(" name ") == (" $0 "), \"" name "\");"
		next
	}
	/^\t[A-Za-z0-9_]+ = [^;]*,/ {
		line = $0
		sub(/,.*/, "", line)
		split(line, part, / = /)
		sub(/^\t/, "", part[1])
		print "_Static_assert((long long)(" part[1] ") == (" part[2] "), \"" part[1] "\");"
		next
	}
	/^typedef (struct [A-Za-z_]+ \*[A-Za-z0-9_]+|void \(.*);$/ { print; next }
	/^(const char \*|[a-z][A-Za-z0-9_]* \**)[A-Za-z0-9_]+\(/ && !/^typedef/ { in_function = 1 }
	in_function { print }
	/;/ { in_function = 0 }'
	cat <<-'END'
	#define SAME(type, member, was) \
		_Static_assert(__builtin_types_compatible_p(__typeof__(((type *)0)->member), was), #member)
	SAME(struct cudaDeviceProp, name, char[256]);
	SAME(struct cudaDeviceProp, major, int);
	SAME(struct cudaDeviceProp, minor, int);
	SAME(struct cudaDeviceProp, multiProcessorCount, int);
	SAME(struct cudaDeviceProp, totalGlobalMem, size_t);
	SAME(struct cudaDeviceProp, sharedMemPerBlock, size_t);
	END
}
toolkit=$(sed -n 's/^CUDA_CPPFLAGS = //p' "$build/Makefile")
if test -n "$toolkit"; then
	compared | ${CC:-cc} $toolkit -std=gnu11 -Wall -Wno-deprecated-declarations -x c -fsyntax-only - 2>&1 |
		check 1 'headers agree with the toolkit'
else
	echo 'ok 1 - headers agree with the toolkit # SKIP no CUDA toolkit'
fi

# What objects of the backend and the kernels import from CUDA, but for what nvcc itself adds.
if test -f "$build/libcudasim.a"; then
	nm -A "$build/libcudasim.a" | awk '
	{ sub(/^[^:]*:/, ""); object = $1; sub(/:.*/, "", object); name = $NF }
	name !~ /^(cuda|cublasLt|cudnn|nvrtc)[A-Z]/ { next }
	/ U / { imported[name] = object }
	/ T / { defined[name] = object }
	END {
		for (name in imported)
			if (!(name in defined))
				print imported[name] ": " name " is not in tests/cudasim"
		for (name in defined)
			if (!(name in imported))
				print defined[name] ": nothing in src or kernels needs " name
	}' | check 2 'what the backend imports is there, and nothing else'
else
	echo 'ok 2 - what the backend imports is there # SKIP no C++ compiler, or no cmocka'
fi

# What is installed has nothing of it: no name, no text, no path to the build; what it opens at run
# time are the driver and the module, and there is no module but the real one to be found.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{
	unset MAKEFLAGS MFLAGS MAKELEVEL
	${MAKE:-make} -s -C "$build" install DESTDIR="$folder/root" >"$folder/log" 2>&1 || cat "$folder/log"
	find "$folder/root" -type f >"$folder/files"
	grep -q '/onnxtune$' "$folder/files" || echo 'the program was not installed'
	xargs grep -ail -e cudasim -e 'simulated GPU' <"$folder/files" | sed 's/$/: has something of it/'
	xargs strings -f <"$folder/files" | grep -E ': ([^ ]*/)?[^/ @]+\.so(\.[0-9]+)?$' |
		sed 's/.*: //' | grep -Ev '^(lib[A-Za-z0-9+_-]+|/lib.*/ld-[a-z0-9-]+|ld-[a-z0-9-]+)\.so(\.[0-9]+)?$|^(%s/)?onnxtune_cuda\.so$' |
		sed 's/$/: a library that is no system library/'
	while IFS= read -r f; do
		readelf -d "$f" 2>/dev/null | grep -E 'R(UN)?PATH' | grep -F -e "$build" -e "$PWD" |
			sed "s|^|${f##*/}: |"
	done <"$folder/files"
	sources src | xargs grep -n 'cudasim'
} | check 3 'nothing installed has any of it'

{
	find "$build" -name '*.so' ! -name onnxtune_cuda.so | while IFS= read -r f; do
		nm -D "$f" 2>/dev/null | grep -w onnxtune_backend | sed "s|^|$f: |"
	done
	# With a driver that is none and every folder of the build as that of modules.
	echo | ${CC:-cc} -x c -shared -o "$folder/libcuda.so.1" - 2>&1
	for modules in "$build" "$build/tests/cudasim" "$build/tests/cudasim/cache" "$build/tests/cuda"; do
		ONNXTUNE_MODULES=$modules LD_LIBRARY_PATH=$folder:$modules CUDASIM_SEED=1 \
			"$build/onnxtune" models/mlp/model.onnx models/mlp/data.npz --steps 1 \
			--device cuda -o "$folder/o.onnx" 2>&1 &&
			echo 'a run without a GPU succeeded'
	done | grep -Ev '^onnxtune: --device=cuda: '
} | check 4 'nothing built can be opened in place of a GPU'
