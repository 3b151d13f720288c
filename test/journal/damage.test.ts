import { testFlips, testHeaderFlips, testPages, testTruncation, testWal } from './damage.ts';

testTruncation(300);
testPages(300, 51);
testHeaderFlips(11);
testFlips(80, 1, 52);
testFlips(40, 50, 53);
testWal(40, 54);
