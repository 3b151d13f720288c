import { describeSharedLineFaults } from './shared-line-faults.ts';

describeSharedLineFaults('tcp', 300, 43);
