/* What the process may use: bounded memory and stack, and, once the kernel is loaded, no file, network or other process. */
#ifndef LEANSIEVE_SANDBOX_H
#define LEANSIEVE_SANDBOX_H
/* Bounds the process; runs the program again where its stack has to be larger from the start. */
void bound_resources(char **argv, unsigned long memory_mb);
/* From here on only what computing needs; ends the process if the operating system does not allow that. */
void shut_in(void);
#endif
