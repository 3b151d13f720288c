import { describeSharedLineFaults } from './shared-line-faults.ts';

describeSharedLineFaults('tcp', 600, 43);
