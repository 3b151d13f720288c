import { describeLineFaults } from './line-faults.ts';

describeLineFaults('pty', 3000, 21);
