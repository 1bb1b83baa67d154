#!/bin/sh
# The simulated CUDA (tests/cudasim): its headers say what the toolkit's say, it has what the backend
# imports, and the program that is installed has nothing of it.
. "$srcdir/tests/lint/lib.sh"
echo 1..3

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
	/ T / { defined[name] }
	END {
		for (name in imported)
			if (!(name in defined))
				print imported[name] ": " name " is not in tests/cudasim"
	}' | check 2 'what the backend imports is there'
else
	echo 'ok 2 - what the backend imports is there # SKIP no C++ compiler, or no cmocka'
fi

{
	nm "$build/onnxtune" "$build/libonnxtune.a" 2>/dev/null | grep cudasim
	test ! -f "$build/onnxtune_cuda.so" || nm "$build/onnxtune_cuda.so" | grep cudasim
	sources src | xargs grep -n 'cudasim'
} | check 3 'nothing installed has any of it'
