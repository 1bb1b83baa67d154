/* cudnn_backend.h - the graph API of cuDNN; in the simulator cudnn.h has it. */
#include <cudnn.h>
