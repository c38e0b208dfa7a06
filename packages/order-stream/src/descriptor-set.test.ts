import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DESCRIPTOR_SET } from './descriptor-set.ts';

test('every file says where generators of Go and of Java put its code', () => {
  const { file: files } = fromBinary(FileDescriptorSetSchema, DESCRIPTOR_SET);
  assert.ok(files.some(({ name }) => name === 'orders/v1/order_stream.proto'));
  for (const { name, options } of files) {
    // What protoc-gen-go takes for an import path: with a dot or a slash in it.
    assert.match(options?.goPackage ?? '', /^[\w.-]+[./][\w./-]+(;\w+)?$/, name);
    assert.match(options?.javaPackage ?? '', /^[a-z]\w*(\.\w+)+$/, name);
    assert.ok(options?.javaMultipleFiles, name);
    assert.match(options.javaOuterClassname, /^[A-Z]\w+Proto$/, name);
  }
});
