import { describeSharedLineFaults } from './shared-line-faults.ts';

describeSharedLineFaults('pty', 600, 41);
