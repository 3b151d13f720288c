import { describeSharedLineFaults } from './shared-line-faults.ts';

describeSharedLineFaults('pty', 300, 41);
