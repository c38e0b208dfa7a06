import type ts from 'typescript';
import type { Project } from './project.ts';
import { functionName } from './syntax.ts';

/** Where the order transaction is written down; the rules hold on to these files and names. */
const OUTBOX_WRITER = /^apps\/api\/src\/orders\/outbox-writer\.ts$/;
const OUTBOX_REBASE = /^packages\/outbox\/src\/repair\/rebase\.ts$/;
const ORDER_STORE = /^apps\/api\/src\/orders\/(order-)?store\.ts$/;

/** Where the relay's canary is put into the outbox. */
const CANARY_WRITER = /^apps\/relay\/src\/canary\/canary-writer\.ts$/;

/** The outbox writer's append, declared or implemented. */
export function isAppendFunction(project: Project, node: ts.SignatureDeclaration): boolean {
  return OUTBOX_WRITER.test(project.pathOf(node)) && functionName(node) === 'append';
}

/** The order store's create and update, declared or implemented. */
export function isWriteFunction(project: Project, node: ts.SignatureDeclaration): boolean {
  return ORDER_STORE.test(project.pathOf(node)) && /^(create|update)$/.test(functionName(node) ?? '');
}

/** The function of the operator's command that makes the transaction ids of outbox rows anew. */
export function isRebaseFunction(project: Project, node: ts.SignatureDeclaration): boolean {
  return OUTBOX_REBASE.test(project.pathOf(node)) && functionName(node) === 'rewriteTransactionIds';
}

/** The one function that puts canaries into the outbox. */
export function isCanaryInsert(project: Project, node: ts.SignatureDeclaration): boolean {
  return CANARY_WRITER.test(project.pathOf(node)) && functionName(node) === 'insertCanary';
}
