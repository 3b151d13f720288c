import { testFlips, testHeaderFlips, testPages, testTruncation, testWal } from './damage.ts';

testTruncation(3000);
testPages(1500, 61);
testHeaderFlips(1);
testFlips(3000, 1, 62);
testFlips(1500, 100, 63);
testWal(2000, 64);
