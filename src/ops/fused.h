/* fused.h - limits of Fused, within which its kernels can run it. */
#ifndef ONNXTUNE_OPS_FUSED_H
#define ONNXTUNE_OPS_FUSED_H

#define FUSED_INPUTS                                                                               \
	16 /* its inputs, each once, and the scalar constants and absent inputs in it */
#define FUSED_OUTPUTS 12
#define FUSED_NODES 32

#endif
