// TensorFlow's c/kernels.h includes a header of this name to learn whether it is compiled for a phone. The set-up unpacks the C
// interface alone, and this is no phone.
#pragma once
