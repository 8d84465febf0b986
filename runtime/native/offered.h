/* What a library shows of itself. */
#ifndef OFFERED_H
#define OFFERED_H

#if defined(_WIN32)
#define OFFERED __declspec(dllexport)
#else
#define OFFERED __attribute__((visibility("default")))
#endif

#endif
