// How loops become vector code for the processor at hand.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MANY_PROCESSORS 1
// Compiled for each kind of processor; the one at hand is chosen when the library is loaded.
#define FOR_EVERY_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define MANY_PROCESSORS 0
#define FOR_EVERY_PROCESSOR
#endif
#define INLINE static inline __attribute__((always_inline))
