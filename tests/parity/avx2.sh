#!/bin/sh
# Kernels of ours that are used where oneDNN has no 512-bit vectors, on machines that have them too.
ONEDNN_MAX_CPU_ISA=AVX2 # oneDNN reads it; on a lesser machine it changes nothing
export ONEDNN_MAX_CPU_ISA
for program in test_parity_cases test_parity_loops; do
	"tests/parity/$program" || exit 1
done
