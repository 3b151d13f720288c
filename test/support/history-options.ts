/** Each level stays for ever. */
export const FOR_EVER = { minute: undefined, quarter: undefined, hour: undefined };
