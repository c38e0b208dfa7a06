import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { Problem } from './problem.ts';
import { checked } from './request-input.ts';

const faultsOf = (value: unknown): Problem => {
  try {
    checked(z.strictObject({ known: z.string() }), value, 'body');
  } catch (error: unknown) {
    if (error instanceof Problem) return error;
  }
  return assert.fail('no fault was found');
};

test('of thousands of faults the first ones are named and all are counted', () => {
  const unknown = Array.from({ length: 5_000 }, (_, index) => [`field-${index}`, 1] as const);
  const { message, errors } = faultsOf({ known: 'x', ...Object.fromEntries(unknown) });
  assert.equal(errors.length, 20);
  assert.equal(errors[0]?.pointer, '/field-0');
  assert.equal(message, 'the body of the request has 5000 faults, 20 of them are named');
});

test('the name of a field that is not known is not told at full length', () => {
  const { errors } = faultsOf({ known: 'x', ['y'.repeat(400_000)]: 1 });
  assert.ok(errors[0]?.pointer.startsWith('/yyy') && errors[0].pointer.length < 400);
});
