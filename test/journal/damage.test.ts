import { testFlips, testHeaderFlips, testPages, testTruncation, testWal } from './damage.ts';

testTruncation(300);
testPages(300, 51);
testHeaderFlips(7);
testFlips(120, 1, 52);
testFlips(60, 50, 53);
testWal(60, 54);
