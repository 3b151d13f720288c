import koffi from 'koffi';

/** The C library, for the few calls that Node lacks. Loading it takes memory: import this where it is needed, not at start. */
export const libc = koffi.load('libc.so.6');
