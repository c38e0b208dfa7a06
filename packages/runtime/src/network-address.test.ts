import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressText,
  hasUsablePort,
  listenHost,
  parseAddress,
  parseHost,
  remoteAddress,
} from './network-address.ts';

test('an IPv6 address is read with and without brackets, and written with them before a port', () => {
  for (const text of ['[::1]:9092', '::1:9092', ' [::1]:9092 ']) {
    assert.deepEqual(parseAddress(text), { host: '::1', port: 9092 }, text);
    assert.equal(remoteAddress.parse(text), '[::1]:9092', text);
  }
  assert.equal(listenHost.parse('[::]'), '::');
  assert.equal(listenHost.parse('::'), '::');
  assert.equal(listenHost.parse('fe80::1%eth0'), 'fe80::1%eth0');
  assert.equal(addressText({ host: '::', port: 50051 }), '[::]:50051');
  assert.equal(addressText({ host: 'kafka-1.example.net', port: 9092 }), 'kafka-1.example.net:9092');
});

test('whatever is written can be read again', () => {
  for (const host of ['::', '2001:db8::1', '127.0.0.1', 'localhost', 'kafka_1']) {
    assert.deepEqual(parseAddress(addressText({ host, port: 65_535 })), { host, port: 65_535 });
  }
});

test('what is no address, or has a port that nobody listens on, is none', () => {
  const wrong = [
    '',
    'kafka',
    'kafka:',
    ':9092',
    'kafka:0',
    'kafka:99999',
    'kafka:1e3',
    'a b:1',
    '[kafka]:1',
    '[::1]',
    'a:b:1',
  ];
  for (const text of wrong) assert.equal(parseAddress(text), undefined, text);
  for (const text of ['', '127.0.0.1:80', '[::1', '[kafka]', 'a b'])
    assert.equal(parseHost(text), undefined, text);
});

test('a URL without a port has the one of its protocol; 0 is none', () => {
  assert.ok(hasUsablePort('postgres://[::1]/orders'));
  assert.ok(!hasUsablePort('postgres://u:p@db:0/orders'));
});
