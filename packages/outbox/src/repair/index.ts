export { auditOutbox, type OutboxAudit } from './audit.ts';
export { type NewIdentity, previewRebase, rebaseOutbox, type RebaseResult } from './rebase.ts';
export { commonCursor, finishResize, giveLastWindow, isDrained, refuseUnfinishedReplays } from './resize.ts';
