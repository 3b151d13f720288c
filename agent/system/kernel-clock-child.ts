import koffi from 'koffi';

/** struct timex has 208 bytes on 64-bit Linux; its status is the fifth member, behind four that take 8 bytes each. */
const TIMEX_BYTES = 256;
const STATUS_AT = 40;
const STA_UNSYNC = 0x40;

/**
 * Prints whether the kernel's clock is synchronised. adjtimex(2) with no modes only reads, for anybody; setting the clock by
 * hand makes it unsynchronised. A process of its own (kernel-clock.ts).
 */
const adjtimex = koffi.load('libc.so.6').func('int adjtimex(_Inout_ uint8_t *timex)');
const timex = Buffer.alloc(TIMEX_BYTES);
const isSynchronized = (adjtimex(timex) as number) >= 0 && (timex.readInt32LE(STATUS_AT) & STA_UNSYNC) === 0;
process.stdout.write(isSynchronized ? 'yes' : 'no');
